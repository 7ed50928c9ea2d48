import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_cvdm.assessment import checked_part
from napari_cvdm.assessment.checks import run_checks
from napari_cvdm.assessment.report import html_report
from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.restoration.errors import InputError, InputTypeError
from napari_cvdm.simulation.pairs import simulate_pair

RANGES = {"psf_sigma": [1.9, 4.0], "photons": [15.0, 3000.0], "target_ratio": 0.48, "target_sigma_min": 1.0}


@pytest.fixture(scope="module")
def model() -> PretrainedModel:
    config = CVDMConfig(
        mean_widths=(4, 4), mean_blocks=(1, 1), noise_widths=(4, 4), noise_blocks=(1, 1), scale_width=4
    )
    torch.manual_seed(0)
    card = ModelCard("small", "test", config.to_dict(), 2, 3, ranges=RANGES, pixel_size_nm=(38.0, 114.0))
    return PretrainedModel("small", CVDM(config).eval(), card, "0" * 64)


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    return simulate_pair("microtubules", 0, 64, photons=500.0, psf_sigma=2.7)


def test_without_a_model_what_needs_one_is_left_out(pair: tuple[np.ndarray, np.ndarray]) -> None:
    checks = run_checks(*pair, pixel_size=65.0)
    assert checks.conditions == ()
    assert checks.stability is None
    levels = {verdict.name: verdict.level for verdict in checks.verdicts}
    assert levels["Agreement with the measurement"] == "good"
    assert levels["Imaging conditions"] == levels["Stability"] == "not known"
    json.dumps(checks.to_dict(), allow_nan=False)


def test_with_a_model_conditions_stability_and_halves_are_there(
    pair: tuple[np.ndarray, np.ndarray], model: PretrainedModel
) -> None:
    told: list[tuple[str, float]] = []
    image, truth = pair
    checks = run_checks(
        image, truth, std=0.1 * truth + 1, pixel_size=65.0, model=model, device="cpu",
        progress=lambda words, share: told.append((words, share)),
    )  # fmt: skip
    assert checks.conditions[0].verdict == "inside"
    assert checks.stability is not None
    assert checks.stability.against_stated is not None
    assert checks.to_dict()["stability"] == checks.stability.to_dict()
    assert checks.resolution.restored_halves is not None
    words, shares = zip(*told, strict=True)
    assert list(dict.fromkeys(words)) == [
        "Comparing with the measurement",
        "Is brightness proportional?",
        "Is the image like those of training?",
        "Restoring the image turned, mirrored, shifted and with other noise",
        "Estimating resolution",
    ]
    assert list(shares) == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 0.95)


def test_a_model_that_states_nothing_is_told_neither_good_nor_bad(
    pair: tuple[np.ndarray, np.ndarray], model: PretrainedModel
) -> None:
    silent = replace(model, card=replace(model.card, ranges={}, pixel_size_nm=None))
    checks = run_checks(*pair, pixel_size=65.0, model=silent, device="cpu")
    said = {verdict.name: verdict for verdict in checks.verdicts}
    conditions, likeness = said["Imaging conditions"], said["Likeness to the training images"]
    assert conditions.level == likeness.level == "not known"
    assert conditions.sentence == "The model does not state what it was trained for."
    assert "other weights ('small')" in likeness.sentence
    assert checks.to_dict()["made_by"] == {
        "name": "small", "sha256": "0" * 64, "bundled": False, "finetuned_from": None
    }  # fmt: skip


def test_what_is_too_small_for_a_check_is_not_said_to_be_checked_without_the_model(
    pair: tuple[np.ndarray, np.ndarray], model: PretrainedModel
) -> None:
    image, truth = pair
    checks = run_checks(image[10:24, 10:24], truth[20:48, 20:48], model=model, device="cpu")
    assert checks.stability is None
    (said,) = (each for each in checks.verdicts if each.name == "Stability")
    assert said.level == "not known"
    assert said.sentence.endswith("shifted: the image is too small or too even.")


def test_what_progress_raises_ends_it(pair: tuple[np.ndarray, np.ndarray], model: PretrainedModel) -> None:
    def cancel(words: str, share: float) -> None:
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_checks(*pair, model=model, device="cpu", progress=cancel)


def test_a_model_of_another_upscaling_is_refused(model: PretrainedModel) -> None:
    image = np.random.default_rng(0).poisson(100, (32, 32))
    with pytest.raises(InputError, match="Give the reconstruction, or name the model that made it"):
        run_checks(image, np.kron(image, np.ones((3, 3))), model=model, device="cpu")


class OnDisk:
    """A plane of which is counted what is read."""

    def __init__(self, plane: np.ndarray) -> None:
        self.shape, self.read, self._plane = plane.shape, 0, plane

    def __getitem__(self, wanted: tuple[slice, slice]) -> np.ndarray:
        self.read += self._plane[wanted].size
        return self._plane[wanted]


def test_of_a_large_plane_a_part_is_checked_and_the_rest_not_read(
    pair: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked_part, "LARGEST", 64)
    image, truth = pair
    ground = np.full((200, 300), image.min(), image.dtype)
    ground[100:164, 200:264] = image
    fine = np.zeros((400, 600), truth.dtype)
    fine[200:328, 400:528] = truth
    sharp, std, draw, unused = (OnDisk(fine) for _ in range(4))
    checks = run_checks(ground, sharp, std=std, draws=[draw, draw, draw, unused])
    assert checks.part.rows.start == pytest.approx(100, abs=8)
    assert checks.part.columns.start == pytest.approx(200, abs=8)
    assert checks.image.shape == checks.consistency.map.shape == (64, 64)
    assert checks.sharp.shape == checks.std.shape == (128, 128)
    assert (sharp.read, std.read, draw.read, unused.read) == (128**2, 128**2, 3 * 128**2, 0)
    assert checks.to_dict()["part"]["of"] == [200, 300]
    page = html_report(checks, name="large")
    assert checks.part.words in page
    assert "200 × 300" in page


def test_planes_that_do_not_belong_together_are_not_read() -> None:
    sharp = OnDisk(np.ones((50, 80)))
    with pytest.raises(InputError, match="cannot belong"):
        run_checks(np.ones((32, 32)), sharp)
    assert sharp.read == 0


def test_arguments_that_cannot_be_used_are_refused_in_words(pair: tuple[np.ndarray, np.ndarray]) -> None:
    image, truth = pair
    with pytest.raises(InputError, match="positive number of nanometres"):
        run_checks(image, truth, pixel_size=-1)
    with pytest.raises(InputTypeError, match="load_model"):
        run_checks(image, truth, model="default")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"shape of the reconstruction, \(128, 128\), not \(64, 64\)"):
        run_checks(image, truth, std=image.tolist())
    with pytest.raises(InputError, match="shape of the reconstruction"):
        run_checks(image, truth, draws=[truth, truth[:-2]])


def test_the_comparison_itself_can_be_stopped(pair: tuple[np.ndarray, np.ndarray]) -> None:
    said: list[str] = []

    def stop(words: str, share: float) -> None:
        said.append(words)
        if len(said) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_checks(*pair, progress=stop)
    assert set(said) == {"Comparing with the measurement"}
