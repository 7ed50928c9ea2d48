from dataclasses import replace

import numpy as np
import pytest

from napari_cvdm.assessment.consistency import Consistency, check_consistency
from napari_cvdm.assessment.sampling_check import Condition, check_conditions
from napari_cvdm.simulation.pairs import simulate_pair

RANGES = {"psf_sigma": [1.9, 4.0], "photons": [15.0, 3000.0], "target_ratio": 0.48, "target_sigma_min": 1.0}


def conditions(photons: float, psf_sigma: float) -> dict[str, Condition]:
    """Of a simulated field and its truth."""
    image, truth = simulate_pair("microtubules", 4, 96, photons=photons, psf_sigma=psf_sigma)
    found = check_conditions(check_consistency(image, truth), ranges=RANGES)
    return {condition.name: condition for condition in found}


@pytest.mark.parametrize(
    ("photons", "verdict"), [(2.5, "outside"), (150.0, "inside"), (500.0, "inside"), (20_000.0, "brighter")]
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


@pytest.fixture(scope="module")
def consistency() -> Consistency:
    return check_consistency(*simulate_pair("rings", 1, 64))


@pytest.mark.parametrize(
    ("size", "verdict"),
    [
        (65.0, "inside"),
        (40.0, "at the edge"),
        (36.0, "at the edge"),
        (105.0, "at the edge"),
        (125.0, "at the edge"),
        (30.0, "outside"),
        (300.0, "outside"),
        (None, "not known"),
    ],
)
def test_pixel_size(consistency: Consistency, size: float, verdict: str) -> None:
    pixel = check_conditions(consistency, ranges=RANGES, pixel_sizes=(38.0, 114.0), pixel_size=size)[0]
    assert pixel.verdict == verdict
    assert verdict in pixel.sentence


@pytest.mark.parametrize(("sigma", "of_result"), [(3.0, 0.48 * 3.0), (1.5, 1.0)])
@pytest.mark.parametrize("upscaling", [2, 3])
def test_the_blur_that_the_result_keeps_is_part_of_the_width(
    consistency: Consistency, sigma: float, of_result: float, upscaling: int
) -> None:
    between = replace(consistency, sigma=np.sqrt(sigma**2 - of_result**2) / upscaling)
    width = check_conditions(between, ranges=RANGES, upscaling=upscaling)[1]
    assert width.value == pytest.approx(sigma / upscaling)
    assert (width.low, width.high) == pytest.approx((1.9 / upscaling, 4.0 / upscaling))


def test_light_is_the_range_of_what_is_in_focus_over_the_gain(consistency: Consistency) -> None:
    noise = replace(consistency.noise, gain=2.5)
    known = replace(consistency, structure=np.linspace(0, 1000, 1001), noise=noise)
    assert check_conditions(known, ranges=RANGES)[2].value == pytest.approx((998 - 10) / 2.5)


def test_light_is_not_known_where_the_result_explains_nothing() -> None:
    image, truth = simulate_pair("rings", 1, 64)
    light = check_conditions(check_consistency(image, -truth), ranges=RANGES)[2]
    assert (light.value, light.verdict) == (None, "not known")


@pytest.mark.parametrize(("share", "verdict"), [(0.0, "inside"), (0.0005, "at the edge"), (0.05, "outside")])
def test_saturation(consistency: Consistency, share: float, verdict: str) -> None:
    noise = replace(consistency.noise, saturated=share)
    found = check_conditions(replace(consistency, noise=noise), ranges=RANGES)[-1]
    assert (found.verdict, found.value, found.of_training) == (verdict, 100 * share, False)
    assert (found.low, found.high) == pytest.approx((0, 0.1))


def test_a_card_without_ranges_tells_nothing(consistency: Consistency) -> None:
    found = check_conditions(consistency, ranges={})
    assert [condition.verdict for condition in found[:3]] == ["not known"] * 3


@pytest.mark.parametrize(
    "stated", ["0.4 to 2", ["a", "b"], [1.0], [2.0, 1.0], [-2.0, -1.0], [1.0, 2.0, 3.0], True]
)
def test_a_range_that_is_none_tells_nothing(consistency: Consistency, stated: object) -> None:
    found = check_conditions(consistency, ranges=dict.fromkeys(RANGES, stated))
    assert [condition.verdict for condition in found] == ["not known", "not known", "not known", "inside"]
    if stated is not True:  # which counts as 1
        assert found[1].value == check_conditions(consistency, ranges={})[1].value


def test_the_width_is_not_known_where_a_psf_was_given(consistency: Consistency) -> None:
    width = check_conditions(replace(consistency, sigma=float("nan")), ranges=RANGES)[1]
    assert (width.value, width.verdict) == (None, "not known")


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (
            Condition("Light", "photo-electrons", 1.0912e7, 15.0, 3000.0, "outside"),
            "Light: 10900000 photo-electrons, outside the 15 to 3000 photo-electrons of training.",
        ),
        (
            Condition("Light", "photo-electrons", 20_000.0, 15.0, 3000.0, "brighter"),
            "Light: 20000 photo-electrons, more than the 15 to 3000 of training. That does no harm if the "
            "camera caught so much; but images that were smoothed, resampled or deconvolved look as if it "
            "had, and are not suitable.",
        ),
        (
            Condition("Saturated pixels", "%", 2.384e-5, 0.0, 0.1, "at the edge", of_training=False),
            "Saturated pixels: 0.0000238 %, at the edge of the 0 to 0.1 % that do little harm.",
        ),
    ],
)
def test_numbers_are_written_as_a_person_writes_them(condition: Condition, sentence: str) -> None:
    assert condition.sentence == sentence
