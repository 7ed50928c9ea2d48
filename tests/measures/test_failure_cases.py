"""Failure cases: what they claim to be; and the bundled model invents nothing in an empty field."""

import numpy as np
import pytest
from measures.failure_cases import empty_field, failure_cases

import napari_cvdm as cvdm

QUICK = {"draws": 2, "device": "cpu"}


def test_cases_are_complete_and_the_same_each_time():
    cases, again = (list(failure_cases(side=48)) for _ in range(2))
    assert [case.name for case in cases] == [
        "noise", "beads", "nuclei", "haze", "undersampled", "oversampled", "saturation", "sharp",
    ]  # fmt: skip
    for case, same in zip(cases, again, strict=True):
        np.testing.assert_array_equal(case.camera, same.camera)
        assert case.camera.shape == (48, 48)
        assert case.truth is None or case.truth.shape == (96, 96)


def test_cases_are_what_they_are_called():
    cases = {case.name: case for case in failure_cases(side=64)}
    saturated = cases["saturation"].camera
    assert np.mean(saturated == saturated.max()) == pytest.approx(0.2, abs=0.02)
    # Detail of the recording against that of the truth: the wider the optics, the less.
    detail = {
        name: np.abs(np.diff(cases[name].camera.astype(float))).mean() / cases[name].camera.std()
        for name in ("sharp", "undersampled", "oversampled", "haze")
    }
    assert detail["haze"] < 0.5 * detail["sharp"]
    assert detail["oversampled"] < 0.6 * min(detail["sharp"], detail["undersampled"])


@pytest.mark.parametrize("photons", [4.0, 100.0])
def test_the_bundled_model_invents_nothing_in_an_empty_field(photons):
    camera = empty_field(np.random.default_rng(1), 48, photons)
    result = cvdm.restore(camera, cvdm.load_model(), **QUICK)
    # Hardly a trace of the noise is left in the reconstruction ...
    assert result.mean.std() < 0.25 * camera.std()
    # ... and what is left, the uncertainty calls noise.
    beyond = np.abs(result.mean - np.median(result.mean)) > 3 * result.std
    assert beyond.mean() < 0.01
