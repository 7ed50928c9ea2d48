"""What fine-tuning hands over: weights and card, calibrated if pairs were held out, and a plain verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.training.calibrating import calibrate_on, calibrate_preview_on
from napari_cvdm.training.config import TrainingConfig
from napari_cvdm.training.held_out_pairs import HeldOutScores, draw_pairs, preview_pairs, score_pairs, table
from napari_cvdm.training.recorded import RecordedPair


def counted(number: int, what: str) -> str:
    """Return "1 pair" or "2 pairs"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def training_record(
    start: PretrainedModel, config: TrainingConfig, pairs: int, planes: int, held_out: int, seconds: float
) -> dict[str, Any]:
    """Say for a card how a model was fine-tuned.

    Parameters
    ----------
    start : PretrainedModel
        The starting model. Its data go into the record: what they ask to be credited stays credited.
    pairs, planes, held_out : int
        Pairs trained on, their planes, and pairs held out. Their names stay at home.
    seconds : float
        Wall-clock time of the training.
    """
    seen = f"{counted(pairs, 'recorded pair')} of the user's own ({counted(planes, 'plane')})"
    before = start.card.training.get("data", ())
    earlier = [before] if isinstance(before, str) else list(before)
    return {
        "data": [
            f"{seen}, whose licence is for their owner to state",
            *(f"before, as {start.name}: {each}" for each in earlier),
        ],
        "finetuned_from": {"name": start.name, "sha256": start.sha256},
        "pairs": pairs,
        "planes": planes,
        "held_out_pairs": held_out,
        "steps": config.optimiser.steps,
        "hours": round(seconds / 3600, 2),
        "seed": config.seed,
        "batch": config.optimiser.batch,
        "patch": config.data.patch,
        "calibration": "on the held-out pairs"
        if held_out
        else f"that of {start.name}, not measured on the pairs",
    }


def finetuned_card(
    start: PretrainedModel, name: str, record: dict[str, Any], pixel_sizes: Sequence[float]
) -> ModelCard:
    """Describe a fine-tuned model.

    Ranges, licence and citations are those of the starting weights, and so are calibration and posterior
    weights until `calibrated` replaces them. What was measured of the starting model is left out. The camera
    pixel sizes of the pairs trained on, in nm, as far as the files tell, widen the range that it knows.
    """
    sizes = start.card.pixel_size_nm
    if sizes is not None:
        sizes = min(sizes[0], *pixel_sizes, sizes[1]), max(sizes[1], *pixel_sizes, sizes[0])
    return replace(
        start.card,
        name=name,
        description=f"{start.name}, fine-tuned on {record['pairs']} of the user's own recorded pairs.",
        training=record,
        pixel_size_nm=sizes,
        metrics={},
    )


def calibrated(
    model: PretrainedModel,
    held_out: Sequence[RecordedPair],
    before: HeldOutScores,
    log: Callable[[str], None],
) -> tuple[PretrainedModel, HeldOutScores]:
    """Calibrate a model on held-out pairs, as `napari_cvdm.training.calibrating` does, and score it on them.

    Parameters
    ----------
    model : PretrainedModel
        From `napari_cvdm.training.export.rounded`.
    held_out : sequence of RecordedPair
        From `napari_cvdm.training.held_out_pairs.judged_parts`; at least one. With two or more, the coverage
        is that of calibrations that left out the pair judged.
    before : HeldOutScores
        Of the starting model, for the card, which holds calibration and figures.
    """
    drawn = draw_pairs(held_out, model)
    card = calibrate_on(model.card, drawn.pairs, drawn.fields, data="held-out recorded pairs", log=log)
    card = calibrate_preview_on(card, preview_pairs(held_out, model), log=log)
    after = score_pairs(drawn, card, left_out=len(held_out) > 1)
    figures = {
        "pairs": len(held_out),
        "planes": len(drawn.fields),
        "before": before.to_dict(),
        "after": after.to_dict(),
    }
    return replace(model, card=replace(card, metrics={**card.metrics, "held_out_pairs": figures})), after


def conclusion(
    old: str, new: str, before: HeldOutScores | None, after: HeldOutScores | None, pairs: int
) -> list[str]:
    """Say in lines of text what fine-tuning was worth, by the scores of both models on the held-out pairs."""
    if before is None or after is None:
        return [
            f"No pair was held out, so nothing was measured: whether {new} is better than {old} is not "
            f"known. The calibration of the uncertainty is that of {old}."
        ]
    lines = [
        f"On {counted(pairs, 'held-out pair')}:",
        *table({f"before, {old}": before, f"after, {new}": after}),
    ]
    if pairs == 1:
        lines.append(
            "The uncertainty is calibrated on this very pair: its coverage afterwards proves nothing."
        )
    else:
        lines.append("The coverage afterwards is of calibrations that left out the pair judged.")
    gain = after.psnr - before.psnr
    if gain > 0:
        lines.append(f"{new} is better than {old} on what was held out: {gain:+.2f} dB PSNR.")
    else:
        lines.append(
            f"{new} is NOT better than {old} on what was held out ({gain:+.2f} dB PSNR): go on using {old}, "
            "or fine-tune on more pairs. The weights are written all the same."
        )
    return lines
