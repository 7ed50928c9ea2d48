import json

import numpy as np
import pytest
import torch

from napari_cvdm.assessment.checks import run_checks
from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, PretrainedModel
from napari_cvdm.restoration.errors import InputError
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
    shares: list[float] = []
    image, truth = pair
    checks = run_checks(
        image, truth, std=0.1 * truth + 1, pixel_size=65.0, model=model, device="cpu",
        progress=lambda words, share: shares.append(share),
    )  # fmt: skip
    assert checks.conditions[0].verdict == "inside"
    assert checks.stability is not None
    assert checks.stability.against_stated is not None
    assert checks.resolution.restored_halves is not None
    assert shares == sorted(shares)
    assert shares[-1] < 1


def test_what_progress_raises_ends_it(pair: tuple[np.ndarray, np.ndarray], model: PretrainedModel) -> None:
    def cancel(words: str, share: float) -> None:
        if share > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_checks(*pair, model=model, device="cpu", progress=cancel)


def test_a_model_of_another_upscaling_is_refused(model: PretrainedModel) -> None:
    image = np.random.default_rng(0).poisson(100, (32, 32))
    with pytest.raises(InputError, match="Name the model that made it"):
        run_checks(image, np.kron(image, np.ones((3, 3))), model=model, device="cpu")
