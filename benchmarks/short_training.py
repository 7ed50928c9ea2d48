"""Short trainings for benchmarks that compare networks: as `Trainer` trains, without its files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.cvdm.objective import objective
from napari_cvdm.training.config import TrainingConfig
from napari_cvdm.training.dataset import Patches, TrainingFields, batches, fields_needed
from napari_cvdm.training.stepping import draw_times_and_noise, learning_rate, rounds, update_average

#: Small enough for many trainings on a CPU, of the same make as the bundled model.
SMALL = CVDMConfig(
    mean_widths=(24, 48), mean_blocks=(2, 2), noise_widths=(24, 48), noise_blocks=(2, 2), scale_width=16
)

Loss = Callable[[CVDM, TrainingConfig, int, Tensor, Tensor], Tensor]


def training_batches(config: TrainingConfig, micrographs: Path | None, workers: int) -> Iterator[Patches]:
    """Simulate every batch of one training, in order."""
    steps, batch = config.optimiser.steps, config.optimiser.batch
    fields = TrainingFields(
        config.data, config.acquisition, config.seed, micrographs, fields_needed(steps, batch, batch)
    )
    return batches(fields, batch, 0, steps, workers, batch)


def whole_loss(model: CVDM, config: TrainingConfig, step: int, x: Tensor, y: Tensor) -> Tensor:
    """Return the objective of a whole model, with the times and noise of this step."""
    shape = torch.empty(x.shape[0], model.upscaling**2, *x.shape[2:])
    times, noise = draw_times_and_noise(config.seed, step, shape)
    return objective(model, x, y, times, noise, config.objective).total


def train_briefly(
    model: CVDM,
    average: CVDM,
    config: TrainingConfig,
    data: Iterable[Patches],
    loss: Loss = whole_loss,
) -> CVDM:
    """Train a network on these batches, and return `average` with its averaged weights."""
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.eval().requires_grad_(False).load_state_dict(model.state_dict())
    optimiser = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99))
    settings = config.optimiser
    rounded = rounds(settings.precision, torch.device("cpu"))
    for step, (x, y) in enumerate(data):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, settings)
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            total = loss(model, config, step, x, y)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimiser.step()
        update_average(average, model, settings.average, step)
    return average
