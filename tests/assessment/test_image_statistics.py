import doctest

import numpy as np
import pytest

from napari_cvdm.assessment import image_statistics as module
from napari_cvdm.assessment.image_statistics import NAMES, _moment, describe_number, image_statistics
from napari_cvdm.simulation.pairs import simulate_pair


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return simulate_pair("microtubules", 0, 64, photons=500.0)[0].astype(float)


def number(image: np.ndarray, name: str) -> float:
    return float(image_statistics(image)[NAMES.index(name)])


def test_gain_and_offset_do_not_matter(field: np.ndarray) -> None:
    assert len(image_statistics(field)) == len(NAMES)
    np.testing.assert_allclose(image_statistics(3.7 * field + 900), image_statistics(field), rtol=1e-5)


def test_each_number_is_what_its_name_says(field: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(100, 5, (64, 64))
    assert number(field, "signal over noise") > number(noise, "signal over noise") + 0.5
    assert number(noise, "strength of band 1") > number(field, "strength of band 1")
    assert number(field, "asymmetry of brightness") > 0 > number(-field, "asymmetry of brightness")
    assert number(-field, "share of mid-tones") > number(field, "share of mid-tones")
    shares = [np.exp(number(field, name)) for name in NAMES[:3]]  # of the contrast, which all bands make up
    assert np.hypot.reduce(shares) == pytest.approx(1, abs=3e-3)
    stripes = np.sin(np.indices((64, 64))[0] / 2.0) * 50 + noise
    assert number(stripes, "directedness") > 0.9 > number(noise, "directedness")


@pytest.mark.parametrize("unit", [1.0, 1e4])
def test_moments_are_standardised(unit: float) -> None:
    values = unit * np.array([0.0, 0.0, 0.0, 1.0])  # Bernoulli's, p = 1/4
    assert _moment(values, 3) == pytest.approx(np.cbrt(0.5 / np.sqrt(3 / 16)))
    assert _moment(values, 4) == pytest.approx((1 - 9 / 16) / (3 / 16))


def test_any_image_has_finite_numbers() -> None:
    for image in (np.zeros((32, 32)), np.eye(32) * 1e12, np.indices((32, 32)).sum(0) % 2):
        assert np.isfinite(image_statistics(image)).all()


@pytest.mark.parametrize(("band", "size"), [(1, 3), (2, 5), (3, 10)])
def test_detail_is_strongest_in_the_band_that_is_described_by_its_size(band: int, size: int) -> None:
    waves = np.sin(np.indices((96, 96))[0] * np.pi / size)
    strongest = max(NAMES[:3], key=lambda name: number(waves, name))
    assert strongest == f"strength of band {band}"
    assert describe_number(strongest) == f"strength of detail of about {size} pixels"


def test_no_band_is_told_by_its_number() -> None:
    assert doctest.testmod(module).failed == 0
    described = [describe_number(name) for name in NAMES]
    assert len(set(described)) == len(NAMES)
    assert not any("band" in words for words in described)
