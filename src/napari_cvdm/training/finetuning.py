"""Fine-tuning: a trained model goes on learning from recorded pairs of one's own.

The step, the checkpoint and the log are those of `napari_cvdm.training.trainer`; the learning rate is low,
and the fields are recordings. Pairs at the end of the list are kept from training: what the model gains is
measured on them, and its uncertainty is calibrated on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from napari_cvdm.assessment.pairs import Pair, find_pairs
from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models.card import check_name
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.models.registry import read_registry
from napari_cvdm.models.weights import save_model
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.training.config import (
    ConfigError,
    DataConfig,
    OptimiserConfig,
    ScheduleConfig,
    TrainingConfig,
)
from napari_cvdm.training.export import check_place, rounded
from napari_cvdm.training.finetuned import (
    calibrated,
    conclusion,
    counted,
    finetuned_card,
    training_record,
)
from napari_cvdm.training.held_out_pairs import HeldOutScores, draw_pairs, judged_parts, score_pairs
from napari_cvdm.training.recorded import (
    Field,
    RecordedFields,
    RecordedPair,
    patch_side,
    read_pair,
    training_fields,
)
from napari_cvdm.training.trainer import Trainer

#: Few steps on few images: small batches, and a low learning rate from the first to the last step.
BATCH = 4
LEARNING_RATES = (1e-4, 1e-5)


_OPTIONS = {
    "name": "--name",
    "seed": "--seed",
    "start_from": "--model",
    "architecture": "--model",
    "optimiser": "--steps",
}
"""What the user has chosen a part of the configuration by."""


@dataclass(frozen=True)
class FinetuningConfig(TrainingConfig):
    """What defines a run: see `TrainingConfig`, and the SHA-256 of both files of each training pair."""

    pairs: Mapping[str, str] = field(default_factory=dict)

    def called(self, setting: str) -> str:
        """Return the option that a setting follows from, or the pair that it is about."""
        part, _, name = setting.partition(".")
        return f"pair {name}" if part == "pairs" else _OPTIONS.get(part, setting)


@dataclass(frozen=True)
class FinetuningSettings:
    """What a user may choose.

    Attributes
    ----------
    name : str or None
        Of the new model; by default the old one's with "-finetuned".
    held_out : int
        Pairs, the last in the order of their names, that are not trained on.
    wf_suffix, sim_suffix : str
        As for `napari_cvdm.assessment.pairs.find_pairs`.
    """

    name: str | None = None
    steps: int = 1000
    held_out: int = 1
    seed: int = 0
    wf_suffix: str = "_wf"
    sim_suffix: str = "_sim"


class Finetuned(NamedTuple):
    """What came out.

    Attributes
    ----------
    path : Path
        The weights, safetensors with a model card.
    before, after : HeldOutScores or None
        Of the starting and of the new model on the held-out pairs; None if there were none.
    """

    path: Path
    before: HeldOutScores | None
    after: HeldOutScores | None


def finetune(
    folder: Path,
    output: Path,
    model: PretrainedModel,
    settings: FinetuningSettings | None = None,
    *,
    fresh: bool = False,
    workers: int = 0,
    log: Callable[[str], None] = print,
) -> Finetuned:
    """Adapt a model to recorded pairs, or go on with an interrupted run.

    Camera images are normalised by their own percentiles, as in a restoration. Sharp images are brought to
    the intensities of what the starting model's mean network shows of the recording: regressed on it they
    have slope 1, so that the model keeps its scale of intensities, whatever else they show. Planes that have
    next to nothing in common with it are neither learned from nor, of held-out pairs, judged and calibrated
    on.

    Parameters
    ----------
    folder : Path
        Holds pairs ``<name>_wf.tif`` and ``<name>_sim.tif``, registered with each other.
    output : Path
        Folder of the run, made when all input has proved good.
    model : PretrainedModel
        The model to start from, of our own kind.
    settings : FinetuningSettings, optional
        What to do.
    fresh : bool
        Start again even if the folder holds a checkpoint.
    workers : int
        Processes that cut patches; the result does not depend on it.
    log : callable
        Receives progress, a line at a time.

    Raises
    ------
    ConfigError, InputError, ModelError
        If the pairs (held-out ones, too), the model or a setting cannot be used, or the folder belongs to
        another run.
    """
    settings = settings or FinetuningSettings()
    network, name = _check_start(model), _new_name(model, settings.name)
    training, held_out, config = _read(folder, model, network, replace(settings, name=name), log)
    fields: list[Field] = []
    trainer = Trainer(
        config,
        None,
        output,
        workers,
        log,
        lambda length: RecordedFields(fields, config.data, config.seed, length),  # once they are known
    )
    target = output / f"{name}.safetensors"
    check_place(target, trainer.checkpoint, model.path, fresh)
    if not fresh:
        trainer.resume()
    fields += training_fields(training, model, log)
    judged = judged_parts(held_out, model, log)
    side = config.data.patch
    seen = f"{counted(len(training), 'pair')} to train on ({counted(len(fields), 'plane')})"
    log(f"{seen}, {len(held_out)} held out; patches of {side} × {side} pixels, {BATCH} in a step")
    before = score_pairs(draw_pairs(judged, model), model.card) if judged else None
    output.mkdir(parents=True, exist_ok=True)
    if fresh:
        trainer.checkpoint.unlink(missing_ok=True)
        (output / "log.jsonl").unlink(missing_ok=True)
    if trainer.step == 0:
        trainer.take(network, f"{model.name}, sha256 {model.sha256}")
    trainer.run()
    sizes = [pair.pixel_size for pair in training if pair.pixel_size is not None]
    record = training_record(model, config, len(training), len(fields), len(held_out), trainer.seconds)
    result = rounded(trainer.average, finetuned_card(model, name, record, sizes))
    after = None
    if before is not None:
        result, after = calibrated(result, judged, before, log)
    save_model(target, result.network, result.card, half=True)
    for line in conclusion(model.name, name, before, after, len(held_out)):
        log(line)
    return Finetuned(target, before, after)


def _check_start(model: PretrainedModel) -> CVDM:
    if not isinstance(model.network, CVDM):
        raise ConfigError(
            f"{model.name} is of the published implementation, which cannot be fine-tuned here: start from "
            "the bundled model or one that napari-cvdm train wrote."
        )
    return model.network


def _new_name(model: PretrainedModel, name: str | None) -> str:
    chosen = check_name(f"{model.name[:54]}-finetuned" if name is None else name)
    if chosen in {"default", model.name, *read_registry().entries}:
        raise ConfigError(f"{chosen!r} is the name of a model that exists: choose another one with --name.")
    return chosen


def _read(
    folder: Path,
    model: PretrainedModel,
    network: CVDM,
    settings: FinetuningSettings,
    log: Callable[[str], None],
) -> tuple[list[RecordedPair], list[RecordedPair], FinetuningConfig]:
    """Return the pairs to train on, those held out, and what defines the run."""
    found, alone = find_pairs(folder, settings.wf_suffix, settings.sim_suffix)
    if not 0 <= settings.held_out < len(found):
        raise InputError(
            f"{folder} has {counted(len(found), 'pair')}, so {settings.held_out} cannot be held out: give "
            "more pairs, or another number with --held-out."
        )
    for file in alone:
        log(f"left out, for want of a counterpart: {file}")
    count = len(found) - settings.held_out
    pairs = [read_pair(pair, model.upscaling) for pair in found]
    side = patch_side(pairs, network.granularity)
    return pairs[:count], pairs[count:], _configure(model, network, settings, found[:count], side)


def _configure(
    model: PretrainedModel, network: CVDM, settings: FinetuningSettings, found: Sequence[Pair], side: int
) -> FinetuningConfig:
    return FinetuningConfig(
        name=settings.name or "",
        seed=settings.seed,
        start_from=f"{model.name}, sha256 {model.sha256}",
        architecture=network.config,
        data=DataConfig(kinds={}, field=side, patch=side, patches_per_field=BATCH),
        optimiser=OptimiserConfig(
            cycles=(settings.steps,),
            batch=BATCH,
            learning_rate=LEARNING_RATES[0],
            final_learning_rate=LEARNING_RATES[1],
            warmup=min(50, settings.steps // 10),
            average=0.99,
            clip=0.5,
        ),
        schedule=ScheduleConfig(checkpoint_every=50, sampling_steps=model.card.default_steps),
        pairs={pair.name: f"{file_sha256(pair.widefield)} {file_sha256(pair.truth)}" for pair in found},
    )
