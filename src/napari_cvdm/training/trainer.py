"""The training loop: resumable, reproducible, with a log of every loss term."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.cvdm.objective import objective
from napari_cvdm.training.calibrating import check_images
from napari_cvdm.training.checkpoint import read_checkpoint, write_checkpoint
from napari_cvdm.training.config import ConfigError, TrainingConfig, load_config
from napari_cvdm.training.dataset import Patches, TrainingFields, batches, fields_needed
from napari_cvdm.training.earlier import Teachers, read_earlier
from napari_cvdm.training.export import check_place, export_model, weights_path
from napari_cvdm.training.stepping import (
    draw_times_and_noise,
    learning_rate,
    rounds,
    training_device,
    update_average,
)
from napari_cvdm.training.validation import ValidationField, validate, validation_fields

#: What to train on, and what to validate on.
Data = tuple[Dataset[Patches], list[ValidationField] | None]


class Trainer:
    """One training run in one folder.

    Parameters
    ----------
    config : TrainingConfig
        The run.
    micrographs : Path or None
        Folder of real images for training and validation; None for simulated structures alone.
    folder : Path
        Where the checkpoint, the log (``log.jsonl``), validation pictures and the exported weights go.
    workers : int
        Processes that simulate training data.
    log : callable
        Receives one line of text at a time.
    source : callable, optional
        From a number of fields to a data set of as many, to train on these instead of those that the
        configuration describes. Nothing is validated on the way then.
    device : torch.device, optional
        Where the networks are trained; the CPU if None.
    compiled : bool
        Whether the objective is compiled first (``torch.compile``): minutes of waiting, then faster steps.
    """

    def __init__(
        self,
        config: TrainingConfig,
        micrographs: Path | None,
        folder: Path,
        workers: int,
        log: Callable[[str], None],
        source: Callable[[int], Dataset[Patches]] | None = None,
        *,
        device: torch.device | None = None,
        compiled: bool = False,
    ) -> None:
        self.config, self.micrographs, self.folder = config, micrographs, folder
        self.workers, self.log, self.source = workers, log, source
        self.device = device or torch.device("cpu")
        self.rounded = rounds(config.optimiser.precision, self.device)
        if config.optimiser.precision == "bfloat16" and not self.rounded:
            log("this device is slow in bfloat16: computing in float32 instead")
        self.objective = torch.compile(objective) if compiled else objective
        torch.manual_seed(config.seed)
        # Channels-last is the layout in which CPU and GPU convolutions of these widths run fastest.
        model = CVDM(config.architecture).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model: CVDM = model.to(self.device)
        self.average = deepcopy(self.model).eval().requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.model.parameters(), betas=(0.9, 0.99))
        self.teachers: Teachers | None = None
        # Which weights the run begins with and learns from, by their names in the configuration.
        self.earlier: dict[str, str] = {}
        self.step = 0
        self.seconds = 0.0
        self.scores: dict[str, float] = {}

    @property
    def checkpoint(self) -> Path:
        """The file from which a killed run goes on."""
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        """Write the checkpoint; a kill at any moment leaves the old one or the new one, whole."""
        state: dict[str, Any] = {
            "config": json.dumps(self.config.to_dict(), sort_keys=True),
            "kinds": list(self.config.data.kinds),
            "step": self.step,
            "seconds": self.seconds,
            "scores": self.scores,
            "earlier": self.earlier,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        write_checkpoint(self.checkpoint, state)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one; errors are those of `read_checkpoint`."""
        if not self.checkpoint.exists():
            return
        state = read_checkpoint(self.checkpoint, self.config, self.earlier)
        self.earlier = state["earlier"]
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds, self.scores = state["step"], state["seconds"], state["scores"]
        self.log(f"resumed at step {self.step}")

    def take(self, start: CVDM, name: str) -> None:
        """Take the weights of a network of the same architecture, called `name` in the log."""
        if start.config != self.config.architecture:
            raise ConfigError(f"{name} has another architecture than the configuration asks for")
        for network in (self.model, self.average):
            network.load_state_dict(start.state_dict())
        self.log(f"starting from {name}")

    def train_step(self, x: Tensor, y: Tensor) -> dict[str, float]:
        """One step of optimisation; returns the loss terms, the learning rate and the gradient's norm."""
        settings = self.config.optimiser
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, settings)
        x, y = (each.to(self.device, non_blocking=True) for each in (x, y))
        like = torch.empty(x.shape[0], self.model.upscaling**2, *x.shape[2:], device=self.device)
        times, noise = draw_times_and_noise(self.config.seed, self.step, like)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.rounded):
            mean_target = self.teachers.mean(x) if self.teachers else None
            terms = self.objective(self.model, x, y, times, noise, self.config.objective, mean_target)
        self.optimiser.zero_grad(set_to_none=True)
        terms.total.backward()
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip))
        if math.isfinite(norm):
            self.optimiser.step()
            update_average(self.average, self.model, settings.average, self.step)
        return {**terms.to_floats(), "learning_rate": self.optimiser.param_groups[0]["lr"], "gradient": norm}

    def data(self) -> Data:
        """Make what `run` needs; a `ConfigError` says which image is missing."""
        config, folder = self.config, self.micrographs
        optimiser = config.optimiser
        count = fields_needed(optimiser.steps, optimiser.batch, config.data.patches_per_field)
        if self.source is not None:
            return self.source(count), None
        fields = TrainingFields(config.data, config.acquisition, config.seed, folder, count)
        return fields, validation_fields(folder, config.acquisition)

    def run(self, data: Data | None = None) -> None:
        """Train from the current step to the last, on what `data` makes."""
        config = self.config
        total, batch = config.optimiser.steps, config.optimiser.batch
        patches_per_field = config.data.patches_per_field
        fields, held_out = data or self.data()
        sums: dict[str, float] = {}
        summed = 0
        started = time.monotonic() - self.seconds
        for patches in batches(fields, batch, self.step, total, self.workers, patches_per_field):
            for name, value in self.train_step(*patches).items():
                sums[name] = sums.get(name, 0.0) + value
            self.step += 1
            summed += 1
            self.seconds = time.monotonic() - started
            last = self.step == total
            if self.step % config.schedule.log_every == 0 or last:
                self._record({name: value / summed for name, value in sums.items()})
                sums, summed = {}, 0
            if held_out is not None and (self.step % config.schedule.validate_every == 0 or last):
                self._validate(held_out)
            # Last, so that a run killed before this comes back to what it has not recorded yet.
            if self.step % config.schedule.checkpoint_every == 0 or last:
                self.save()

    def _validate(self, held_out: list[ValidationField]) -> None:
        schedule = self.config.schedule
        picture = self.folder / "validation" / f"{self.step:07d}.png"
        self.scores = validate(self.average, held_out, schedule.sampling_steps, schedule.draws, picture)
        self._record({f"validation_{name}": value for name, value in self.scores.items()})

    def _record(self, values: dict[str, float]) -> None:
        entry: dict[str, float | None] = {"step": self.step, "seconds": round(self.seconds, 1)}
        for name, value in values.items():
            entry[name] = float(f"{value:.5g}") if math.isfinite(value) else None  # JSON has no NaN
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self.log("  ".join(f"{name} {value}" for name, value in entry.items()))


def run_training(
    config_path: Path,
    folder: Path,
    *,
    fresh: bool = False,
    workers: int = 1,
    device: str = "auto",
    compiled: bool = False,
    micrographs: Path | None = None,
    fields_per_kind: int = 4,
    log: Callable[[str], None] = print,
) -> Path:
    """Train a model as a configuration file says, or go on with an interrupted run.

    Parameters
    ----------
    config_path : Path
        TOML file; see `TrainingConfig`.
    folder : Path
        Folder of the run; it need not exist.
    fresh : bool
        Start again even if the folder holds a checkpoint.
    workers : int
        Processes that simulate training data; the result does not depend on it.
    device : str
        As for `training_device`.
    compiled : bool
        As for `Trainer`.
    micrographs : Path, optional
        Folder of real images, instead of the one the configuration names.
    fields_per_kind : int
        Simulated fields of each kind that the calibration is measured on; 0 leaves the model uncalibrated.
    log : callable
        Receives progress, a line at a time.

    Returns
    -------
    Path
        The exported weights, safetensors with a model card.

    Raises
    ------
    ConfigError
        If the configuration cannot be used, the folder belongs to another one, or it holds weights that no
        run has left there.
    DeviceError
        If there is no such device.
    InputError
        If real images are too small for the calibration.
    """
    place = training_device(device)
    config = load_config(config_path)
    if micrographs is not None and not config.data.micrographs:
        raise ConfigError(
            f"{config_path} trains on simulated structures alone; give no folder of micrographs"
        )
    if config.data.micrographs and micrographs is None:
        micrographs = (config_path.resolve().parent / config.data.micrographs).resolve()
    start = (config_path.resolve().parent / config.start_from).resolve() if config.start_from else None
    trainer = Trainer(config, micrographs, folder, workers, log, device=place, compiled=compiled)
    check_place(weights_path(folder, config.name), trainer.checkpoint, start, fresh)
    begins = fresh or not trainer.checkpoint.exists()
    # Before anything is written or removed: what cannot be used leaves the folder as it is.
    if start is not None and (begins or config.teachers):
        network, name = read_earlier(start)
        if config.teachers:
            found = [read_earlier(config_path.resolve().parent / each) for each in config.teachers]
            others, names = zip(*found, strict=True)
            trainer.teachers = Teachers(network, others, config.teachers_share, place)
            trainer.earlier = dict(zip(config.teachers, names, strict=True))
            share = f"{100 * config.teachers_share:.0f} %"
            log(f"{share} of what the mean network is taught are from {'; '.join(names)}")
        trainer.earlier[config.start_from] = name
        if begins:
            trainer.take(network, name)
    data = trainer.data()
    if micrographs is not None and fields_per_kind:
        check_images(micrographs)
    folder.mkdir(parents=True, exist_ok=True)
    if fresh:
        trainer.checkpoint.unlink(missing_ok=True)
        (folder / "log.jsonl").unlink(missing_ok=True)
    trainer.resume()
    trainer.run(data)
    return export_model(
        trainer.average.cpu(),
        config,
        folder,
        trainer.step,
        trainer.seconds,
        trainer.scores,
        earlier=trainer.earlier,
        micrographs=micrographs,
        fields_per_kind=fields_per_kind,
        log=log,
    )
