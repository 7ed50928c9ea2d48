import numpy as np
import pytest

from napari_cvdm.assessment.consistency import check_consistency
from napari_cvdm.assessment.sampling_check import Condition, check_conditions
from napari_cvdm.simulation.pairs import simulate_pair

RANGES = {"psf_sigma": [1.9, 4.0], "photons": [15.0, 3000.0], "target_ratio": 0.48, "target_sigma_min": 1.0}


def conditions(photons: float, psf_sigma: float, **options: float) -> dict[str, Condition]:
    """Of a simulated field and its truth."""
    image, truth = simulate_pair("microtubules", 4, 96, photons=photons, psf_sigma=psf_sigma)
    found = check_conditions(
        check_consistency(image, truth), ranges=RANGES, pixel_sizes=(38.0, 114.0), **options
    )
    return {condition.name: condition for condition in found}


@pytest.mark.parametrize(
    ("photons", "verdict"), [(2.5, "outside"), (150.0, "inside"), (500.0, "inside"), (20_000.0, "outside")]
)
def test_light(photons: float, verdict: str) -> None:
    light = conditions(photons, 2.7)["Light at the bright end"]
    assert light.verdict == verdict
    assert light.value == pytest.approx(photons, rel=0.5)


@pytest.mark.parametrize(("sigma", "verdict"), [(2.6, "inside"), (3.0, "inside"), (6.5, "outside")])
def test_width_of_the_psf(sigma: float, verdict: str) -> None:
    width = conditions(500.0, sigma)["Width of the point-spread function"]
    assert width.verdict == verdict
    assert width.value == pytest.approx(sigma / 2, rel=0.2)
    assert (width.low, width.high) == (0.95, 2.0)


@pytest.mark.parametrize(
    ("size", "verdict"),
    [
        (65.0, "inside"),
        (40.0, "at the edge"),
        (36.0, "at the edge"),
        (30.0, "outside"),
        (300.0, "outside"),
        (None, "not known"),
    ],
)
def test_pixel_size(size: float, verdict: str) -> None:
    pixel = conditions(500.0, 2.7, pixel_size=size)["Pixel size"]
    assert pixel.verdict == verdict
    assert verdict in pixel.sentence


def test_saturation() -> None:
    image, truth = simulate_pair("microtubules", 4, 96, photons=500.0)
    full = np.minimum(image, np.percentile(image, 95))
    for recorded, verdict in ((image, "inside"), (full, "outside")):
        found = check_conditions(check_consistency(recorded, truth), ranges=RANGES)
        assert found[-1].verdict == verdict


def test_a_card_without_ranges_tells_nothing() -> None:
    image, truth = simulate_pair("rings", 1, 64)
    found = check_conditions(check_consistency(image, truth), ranges={})
    assert [condition.verdict for condition in found[:3]] == ["not known"] * 3


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (
            Condition("Light", "photo-electrons", 1.0912e7, 15.0, 3000.0, "outside"),
            "Light: 10900000 photo-electrons, outside the 15 to 3000 photo-electrons of training.",
        ),
        (
            Condition("Saturated pixels", "%", 2.384e-5, 0.0, 0.1, "at the edge", of_training=False),
            "Saturated pixels: 0.0000238 %, at the edge of the 0 to 0.1 % that do little harm.",
        ),
    ],
)
def test_numbers_are_written_as_a_person_writes_them(condition: Condition, sentence: str) -> None:
    assert condition.sentence == sentence
