"""What the numbers of the checks mean, in plain words.

Where a threshold is a choice, it stands here, with its reason; `docs/checks.md` repeats it for users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_cvdm.assessment.plain_numbers import plain_number
from napari_cvdm.restoration.saturation import MOST_SATURATED

if TYPE_CHECKING:
    from napari_cvdm.assessment.checks import Checks
    from napari_cvdm.assessment.consistency import Consistency
    from napari_cvdm.assessment.maker import Maker
    from napari_cvdm.assessment.novelty import Novelty
    from napari_cvdm.assessment.photometry import Photometry
    from napari_cvdm.assessment.resolution import ResolutionCheck
    from napari_cvdm.assessment.sampling_check import Condition
    from napari_cvdm.assessment.stability import Stability

Level = Literal["good", "look", "doubt", "not known"]

#: Share of pixels that disagree with the measurement: good restorations of real images have up to 2.0 %.
#: Light that the result does not explain may be haze of other planes; what it holds without light cannot.
_FEW_FLAGGED, _MANY_INVENTED = 0.02, 0.05
#: Likeness below which a result belongs to another image: restorations of real recordings, and of sharp
#: images imaged again at 20 electrons or more, had at least 0.37, other structures at most 0.12. A mirrored
#: image may reach 0.34 (`benchmarks/wrong_inputs.py`).
_LEAST_LIKENESS = 0.33
#: Below this a result wants a look: a few restorations of the faintest recordings lie there, and the mirrored
#: images that are not doubted.
_USUAL_LIKENESS = 0.45
#: Displacement, in camera pixels, beyond which the result lies beside the image: right ones stay below 0.2.
_FARTHEST_BESIDE = 1.0
#: Spread under moves over the stated uncertainty: beyond 1 the map states too little.
_FIRM, _SHAKY = 1.0, 2.0
#: Detail that only this much coarser agrees between two halves of the photons owes more to the network.
_OVERSHARP = 1.5
#: A gain in resolution below this is a loss, by more than such estimates differ among programs.
_COARSER = 0.9


@dataclass(frozen=True)
class Verdict:
    """What the check of a name says.

    Attributes
    ----------
    level : {"good", "look", "doubt", "not known"}
        Nothing found; look again; do not rely on it; could not be determined.
    sentence : str
        Why.
    """

    name: str
    level: Level
    sentence: str

    @property
    def mark(self) -> str:
        """The level as a sign."""
        return {"good": "✓", "look": "?", "doubt": "✗", "not known": "–"}[self.level]


def verdicts_on(checks: Checks) -> list[Verdict]:
    """Judge the outcome of every check."""
    return [
        _on_novelty(checks.novelty, checks.maker),
        _on_conditions(checks.conditions),
        judge_consistency(checks.consistency),
        _on_stability(checks.stability, with_model=bool(checks.conditions)),
        _on_photometry(checks.photometry),
        _on_resolution(checks.resolution),
    ]


def judge_consistency(found: Consistency) -> Verdict:
    """Judge whether a result agrees with its measurement: the same structures, and nothing that disagrees."""
    name, alignment = "Agreement with the measurement", found.alignment
    if max(alignment.likeness, alignment.likeness_displaced) < _LEAST_LIKENESS:
        return Verdict(
            name,
            "doubt",
            f"What stands out in the result does not stand out in the image (correlation "
            f"{alignment.likeness:.2f}): was it made from this image? Or is there hardly more than noise?",
        )
    if alignment.distance > _FARTHEST_BESIDE:
        rows, columns = alignment.displacement
        return Verdict(
            name,
            "doubt",
            f"The structures of the image lie {rows:+.1f} rows and {columns:+.1f} columns of camera pixels "
            "from those of the result: was the result made from this image, and from this part of it?",
        )
    share = found.flagged
    level: Level = "good" if share <= _FEW_FLAGGED else "look"
    if found.invented > _MANY_INVENTED:
        level = "doubt"
    advice = "" if level == "good" else " Look where the map is bright."
    if alignment.likeness < _USUAL_LIKENESS:
        level = "look" if level == "good" else level
        advice += (
            f" What stands out in both has little in common (correlation {alignment.likeness:.2f}), as in "
            "faint recordings, or if the result was made from another image."
        )
    return Verdict(
        name,
        level,
        f"{100 * share:.2g} % of the pixels disagree by more than noise explains, "
        f"{100 * found.invented:.2g} % because the result holds more than was measured. Correlation with the "
        f"measurement {found.rsp:.3f}, error {100 * found.relative_rse:.2g} % of its range.{advice}",
    )


def _on_resolution(found: ResolutionCheck) -> Verdict:
    name = "Resolution"
    if found.before is None or found.after is None or found.gain is None:
        return Verdict(name, "not known", "The image is too small or too noisy to tell.")
    unit = found.unit
    before, after = found.before.resolution, found.after.resolution
    words = f"Finest detail {plain_number(before)} {unit} before, {plain_number(after)} {unit} after."
    if found.gain < _COARSER:
        return Verdict(name, "look", f"{words} The result is coarser than the image: it lost detail.")
    ring = found.restored_halves
    if ring is None:
        return Verdict(name, "good", words)
    if not np.isfinite(ring.resolution):
        return Verdict(
            name, "look", f"{words} Restorations of two halves of the photons have no detail in common."
        )
    everywhere = ring.resolution <= 1.01 / ring.frequency[-1]
    agreed = "at every detail" if everywhere else f"down to {plain_number(ring.resolution)} {unit}"
    words += f" Restorations of two halves of the photons agree {agreed}"
    if ring.resolution > _OVERSHARP * after:
        return Verdict(name, "look", f"{words}: finer detail changes with the noise.")
    return Verdict(name, "good", f"{words}.")


def _on_photometry(found: Photometry) -> Verdict:
    name = "Brightness"
    if found.saturated > MOST_SATURATED:
        share = f"{100 * found.saturated:.2g} %"
        return Verdict(
            name, "look", f"{share} of the input's pixels are saturated: their brightness is unknown."
        )
    if found.is_linear is None:
        return Verdict(name, "not known", "Too little stands out from the noise to tell.")
    power = f"(power {found.exponent:.2f}; 1 is proportional)"
    if found.is_linear:
        return Verdict(name, "good", f"Brightness is nearly proportional to what was measured {power}.")
    how = "squeezes" if found.exponent > 1 else "exaggerates"
    return Verdict(
        name, "look", f"The result {how} differences in brightness {power}: do not compare intensities."
    )


def _on_conditions(found: Sequence[Condition]) -> Verdict:
    name = "Imaging conditions"
    if not found:
        return Verdict(
            name, "not known", "Not compared with what the model was trained for: checked without the model."
        )
    outside = [condition.sentence for condition in found if condition.verdict == "outside"]
    edge = [condition.sentence for condition in found if condition.verdict in ("at the edge", "brighter")]
    if outside:
        return Verdict(name, "doubt", " ".join(outside))
    if edge:
        return Verdict(name, "look", " ".join(edge))
    of_training = [condition for condition in found if condition.of_training]
    inside = ", ".join(condition.name for condition in of_training if condition.verdict == "inside").lower()
    if inside:
        return Verdict(
            name, "good", f"Inside what the model was trained for, as far as can be told: {inside}."
        )
    if all(condition.low is None for condition in of_training):
        return Verdict(name, "not known", "The model does not state what it was trained for.")
    return Verdict(name, "not known", "Nothing that the model states of its training could be measured here.")


def _on_stability(found: Stability | None, *, with_model: bool) -> Verdict:
    name = "Stability"
    if found is None:
        why = "the image is too small or too even" if with_model else "checked without the model"
        return Verdict(name, "not known", f"Not restored turned, mirrored and shifted: {why}.")
    changes = f"{100 * found.relative:.2g} % of its range"
    words = f"Turned, mirrored or shifted, one pass's picture changes by {changes}"
    if found.against_stated is None:
        return Verdict(name, "not known", f"{words}; no uncertainty was given to compare with.")
    words += f", {found.against_stated:.2g} of the stated uncertainty."
    level: Level = (
        "good" if found.against_stated <= _FIRM else "look" if found.against_stated <= _SHAKY else "doubt"
    )
    return Verdict(name, level, words)


def _on_novelty(found: Novelty, maker: Maker) -> Verdict:
    name = "Likeness to the training images"
    if not maker.bundled:
        return _on_novelty_to_another(name, found, maker)
    score = f"(distance {found.score:.2f}; 95 of 100 training images stay below {found.usual:.2f})"
    if found.verdict == "known":
        return Verdict(name, "good", f"The image looks like those of training {score}.")
    because = _standing_out(found)
    if found.verdict == "unusual":
        return Verdict(name, "look", f"The image is unlike most of training {score}. {because}")
    return Verdict(
        name,
        "doubt",
        f"This does not look like anything the model was trained on {score}. {because} The result may be "
        "invented.",
    )


def _on_novelty_to_another(name: str, found: Novelty, maker: Maker) -> Verdict:
    """Judge the result of a model whose training images were never measured, by those of the bundled one."""
    images = "those of the bundled model's training"
    score = f"(distance {found.score:.2f}; 95 of 100 of them stay below {found.usual:.2f})"
    if maker.sha256 is None:
        made = "The result does not say with which weights it was made."
    elif maker.finetuned_from is not None:
        made = (
            f"It was restored by '{maker.name}', which was fine-tuned from '{maker.finetuned_from}' and so "
            "trained on other images, too."
        )
    else:
        which = "" if maker.name is None else f" ('{maker.name}')"
        made = f"It was restored by other weights{which}, whose training images are not known here."
    if found.verdict == "known":
        return Verdict(name, "not known", f"The image looks like {images} {score}. {made}")
    how = "most of " if found.verdict == "unusual" else "any of "
    return Verdict(
        name,
        "look",
        f"The image does not look like {how}{images} {score}. {_standing_out(found)} {made} If they were not "
        "like this image, the result may be invented.",
    )


def _standing_out(found: Novelty) -> str:
    return f"It stands out by {found.stands_out_by}."
