from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_cvdm.assessment.alignment import Alignment
from napari_cvdm.assessment.checks import Checks, run_checks
from napari_cvdm.assessment.maker import Maker
from napari_cvdm.assessment.novelty import Novelty
from napari_cvdm.assessment.photometry import Photometry
from napari_cvdm.assessment.ring_correlation import RingCorrelation
from napari_cvdm.assessment.sampling_check import Condition
from napari_cvdm.assessment.stability import Stability
from napari_cvdm.assessment.verdicts import Verdict
from napari_cvdm.simulation.pairs import simulate_pair

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def checks() -> Checks:
    image, truth = simulate_pair("microtubules", 0, 64, photons=500.0, psf_sigma=2.7)
    return run_checks(image, truth)


def verdict(checks: Checks, name: str, **changes: Any) -> Verdict:
    found = replace(checks, **changes).verdicts
    return next(each for each in found if each.name.startswith(name))


@pytest.mark.parametrize(
    ("share", "invented", "level"), [(0.0, 0.0, "good"), (0.3, 0.01, "look"), (0.3, 0.2, "doubt")]
)
def test_agreement(checks: Checks, share: float, invented: float, level: str) -> None:
    consistency = replace(checks.consistency, flagged=share, invented=invented)
    said = verdict(checks, "Agreement", consistency=consistency)
    assert said.level == level
    assert f"{100 * share:.2g} %" in said.sentence
    assert ("Look where the map is bright." in said.sentence) == (level != "good")
    # Little in common makes nothing better.
    faint = replace(consistency, alignment=Alignment(0.41, (0.0, 0.0), 0.41))
    expected = "look" if level == "good" else level
    assert verdict(checks, "Agreement", consistency=faint).level == expected


@pytest.mark.parametrize(
    ("alignment", "level", "word"),
    [
        (Alignment(0.1, (0.0, 0.0), 0.1), "doubt", "made from this image"),
        (Alignment(0.1, (4.0, -3.0), 0.3), "doubt", "made from this image"),
        (Alignment(0.7, (0.0, -2.5), 0.9), "doubt", "-2.5 columns"),
        (Alignment(0.7, (0.4, 0.2), 0.75), "good", "0 %"),
        (Alignment(0.41, (0.0, 0.0), 0.41), "look", "little in common (correlation 0.41)"),
    ],
)
def test_a_result_of_something_else_is_doubted_though_no_pixel_disagrees(
    checks: Checks, alignment: Alignment, level: str, word: str
) -> None:
    consistency = replace(checks.consistency, flagged=0.0, invented=0.0, alignment=alignment)
    said = verdict(checks, "Agreement", consistency=consistency)
    assert said.level == level
    assert word in said.sentence


@pytest.mark.parametrize(
    ("ratio", "level"), [(0.4, "good"), (1.5, "look"), (4.0, "doubt"), (None, "not known")]
)
def test_stability(checks: Checks, ratio: float | None, level: str) -> None:
    assert verdict(checks, "Stability", stability=Stability(0.01, ratio, "turned")).level == level
    assert verdict(checks, "Stability", stability=None).level == "not known"


def test_stability_is_told_of_one_pass_as_the_documentation_has_it(checks: Checks) -> None:
    # What is turned and shifted is a preview: a result, averaged over orientations, changes less.
    said = verdict(checks, "Stability", stability=Stability(0.012, 0.4, "turned")).sentence
    assert said == (
        "Turned, mirrored or shifted, one pass's picture changes by 1.2 % of its range, 0.4 of the stated "
        "uncertainty."
    )
    text = " ".join((ROOT / "docs" / "checks.md").read_text(encoding="utf-8").split())
    assert "by how much that one pass's picture changes" in text


@pytest.mark.parametrize(
    ("exponent", "saturated", "level", "word"),
    [
        (0.9, 0.0, "good", "proportional"),
        (2.0, 0.0, "look", "squeezes"),
        (0.5, 0.0, "look", "exaggerates"),
        (1.0, 0.2, "look", "saturated"),
        (float("nan"), 0.0, "not known", "Too little"),
    ],
)
def test_brightness(checks: Checks, exponent: float, saturated: float, level: str, word: str) -> None:
    nothing = np.empty(0)
    said = verdict(checks, "Brightness", photometry=Photometry(nothing, nothing, exponent, 0.0, saturated))
    assert said.level == level
    assert word in said.sentence


@pytest.mark.parametrize(
    ("values", "level"),
    [
        ((65.0,), "good"),
        ((40.0, 65.0), "look"),
        ((300.0, 65.0), "look"),
        ((20.0, 40.0), "doubt"),
        ((None,), "not known"),
    ],
)
def test_conditions(checks: Checks, values: tuple[float | None, ...], level: str) -> None:
    verdicts = {65.0: "inside", 40.0: "at the edge", 300.0: "brighter", 20.0: "outside", None: "not known"}
    conditions = tuple(Condition("Pixel size", "nm", v, 38, 114, verdicts[v]) for v in values)  # type: ignore[arg-type]
    assert verdict(checks, "Imaging", conditions=conditions).level == level
    unchecked = verdict(checks, "Imaging", conditions=())
    assert unchecked.level == "not known"
    assert unchecked.sentence.endswith("checked without the model.")


def test_of_conditions_inside_is_said_which_could_be_compared(checks: Checks) -> None:
    conditions = (
        Condition("Pixel size", "nm", 65.0, 38, 114, "inside"),
        Condition("Light at the bright end", "photo-electrons", None, 15, 3000, "not known"),
    )
    said = verdict(checks, "Imaging", conditions=conditions)
    assert said.sentence == "Inside what the model was trained for, as far as can be told: pixel size."


@pytest.mark.parametrize(
    ("light", "share", "level", "words"),
    [
        (None, 0.0, "not known", "The model does not state what it was trained for."),
        (15.0, 0.0, "not known", "Nothing that the model states of its training could be measured here."),
        (None, 3.0, "doubt", "Saturated pixels: 3 %, outside the 0 to 0.1 % that do little harm."),
    ],
)
def test_pixels_that_are_not_saturated_do_not_say_that_the_model_was_trained_for_this(
    checks: Checks, light: float | None, share: float, level: str, words: str
) -> None:
    saturation: Any = "outside" if share else "inside"
    conditions = (
        Condition("Pixel size", "nm", 65.0, None, None, "not known"),
        Condition("Light at the bright end", "photo-electrons", None, light, light, "not known"),
        Condition("Saturated pixels", "%", share, 0.0, 0.1, saturation, of_training=False),
    )
    said = verdict(checks, "Imaging", conditions=conditions)
    assert (said.level, said.sentence) == (level, words)


BUNDLED = Maker("fluorescence-x2", "1" * 64, bundled=True)
ANOTHER = Maker("nuclei", "2" * 64)
FINETUNED = Maker("mine", "3" * 64, finetuned_from="fluorescence-x2")
STRANGE = "The image does not look like any of those of the bundled model's training"


@pytest.mark.parametrize(
    ("maker", "state", "level", "words"),
    [
        (BUNDLED, "known", "good", ["The image looks like those of training"]),
        (BUNDLED, "unusual", "look", ["unlike most of training"]),
        (BUNDLED, "strange", "doubt", ["anything the model was trained on", "may be invented"]),
        (ANOTHER, "known", "not known", ["looks like those of the bundled model's training", "('nuclei')"]),
        (ANOTHER, "unusual", "look", ["most of those of the bundled model's training", "not known here"]),
        (ANOTHER, "strange", "look", [STRANGE, "not known here", "If they were not like this image"]),
        (FINETUNED, "known", "not known", ["'mine'", "trained on other images, too"]),
        (FINETUNED, "strange", "look", [STRANGE, "fine-tuned from 'fluorescence-x2'"]),
        (Maker(), "known", "not known", ["does not say with which weights"]),
        (Maker("nuclei"), "strange", "look", [STRANGE, "does not say with which weights"]),
        (Maker(sha256="2" * 64), "known", "not known", ["restored by other weights, whose training"]),
    ],
)
def test_likeness_is_judged_for_the_bundled_model_alone(
    checks: Checks, maker: Maker, state: str, level: str, words: list[str]
) -> None:
    novelty = Novelty(1.0, 1.1, 1.4, state, ("directedness", "tails of band 2"))
    said = verdict(checks, "Likeness", novelty=novelty, maker=maker)
    assert said.level == level
    for part in words:
        assert part in said.sentence
    because = "It stands out by directedness, sparseness of detail of about 5 pixels."
    assert (because in said.sentence) == (state != "known")


def test_coarse_resolutions_are_written_without_powers_of_ten(checks: Checks) -> None:
    before, after = (replace(checks.resolution.after, resolution=nm) for nm in (1234.0, 1020.0))
    resolution = replace(checks.resolution, before=before, after=after, unit="nm")
    said = verdict(checks, "Resolution", resolution=resolution).sentence
    assert said.startswith("Finest detail 1230 nm before, 1020 nm after.")


@pytest.mark.parametrize(("nm", "level"), [(440.0, "good"), (450.0, "look")])
def test_a_result_that_is_coarser_than_the_image_wants_a_look(checks: Checks, nm: float, level: str) -> None:
    before, after = (replace(checks.resolution.after, resolution=each) for each in (400.0, nm))
    said = verdict(checks, "Resolution", resolution=replace(checks.resolution, before=before, after=after))
    assert said.level == level
    assert ("coarser than the image" in said.sentence) == (level == "look")


def test_resolution_that_other_noise_does_not_bear_out_wants_a_look(checks: Checks) -> None:
    frequency = np.linspace(0.01, 0.5, 20)
    before, after = (replace(checks.resolution.after, resolution=each) for each in (8.0, 4.0))
    resolution = replace(checks.resolution, before=before, after=after)
    for found, level, words in (
        (2.0, "good", "agree at every detail."),  # the period of the highest frequency
        (2.1, "good", "agree down to 2.1 camera pixels."),
        (5.9, "good", "agree down to 5.9 camera pixels."),
        (6.1, "look", "agree down to 6.1 camera pixels: finer detail changes with the noise."),
        (np.nan, "look", "have no detail in common."),
    ):
        ring = RingCorrelation(frequency, frequency, found)
        said = verdict(checks, "Resolution", resolution=replace(resolution, restored_halves=ring))
        assert said.level == level
        assert said.sentence.endswith(words)
    for missing in ("before", "after"):
        none = replace(checks.resolution, **{missing: None})
        assert verdict(checks, "Resolution", resolution=none).level == "not known"
