"""How well errors can be predicted at all: a network that is trained for nothing else.

    python benchmarks/error_network.py --micrographs FOLDER

σ(x) comes from the training of the model, whose simulator is another one than that of the test. Does it miss
what a recording says about the errors? Here a small U-Net sees the recording, the mean network's picture and
σ(x), and learns the errors of real images 1 to 40, imaged again by the very microscopes of the test. It is
judged on images 41 to 45, as the uncertainty is. So is σ(x), which is judged on images 1 to 40 as well: those
the mean network was trained on. Correlations are those of all pixels' absolute errors, in units of the
truth's range. Numbers go to docs/benchmarks/error_network.json. --quick takes a minute.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import napari_cvdm as cvdm
from napari_cvdm.assessment.calibration import error_correlation
from napari_cvdm.assessment.drawn import preview_field
from napari_cvdm.assessment.reimaging import reimaged_fields
from napari_cvdm.cvdm.networks import LocalUNet
from napari_cvdm.restoration.orientations import quarter_turns, turn
from napari_cvdm.training.calibrating import CALIBRATION_IMAGES

TRAINED_ON = range(1, 41)
PHOTONS = (20.0, 100.0, 500.0, 1500.0)
BATCH = 8
RATE = 1e-3


class Field(NamedTuple):
    """One preview: what the network sees, (9, Y, X), absolute errors, (4, Y, X), and the gain to the truth.

    What lies on the fine grid is folded to the camera's; errors are in normalised intensity.
    """

    seen: Tensor
    error: Tensor
    gain: float

    @property
    def log_scale(self) -> Tensor:
        """Logarithm of σ(x), (4, Y, X)."""
        return self.seen[5:]


def previews(folder: Path, numbers: Iterable[int], photons: Sequence[float], side: int) -> Iterator[Field]:
    """Image real images again and restore each field in one pass."""
    model = cvdm.load_model()
    for source in reimaged_fields(folder, numbers, photons, side=side):
        if np.ptp(source.truth) == 0:  # nothing there to be wrong about
            continue
        field = preview_field(source.widefield, source.truth, model)
        fine = np.stack([field.centre, np.log(field.scale), np.abs(field.error(field.centre))])
        centre, log_scale, error = F.pixel_unshuffle(torch.from_numpy(fine).float()[:, None], 2)
        seen = torch.cat([torch.from_numpy(field.recording)[None], centre, log_scale])
        yield Field(seen, error, field.gain(field.centre))
        print(f"{source.structure} {source.number}, {source.microscope.photons:g} photons", flush=True)


def turned(seen: Tensor, error: Tensor, orientation: tuple[bool, int]) -> tuple[Tensor, Tensor]:
    """Mirror and turn a batch, what is folded on the fine grid."""

    def folded(channels: Tensor) -> Tensor:
        return F.pixel_unshuffle(turn(F.pixel_shuffle(channels, 2), orientation), 2)

    return torch.cat([turn(seen[:, :1], orientation), folded(seen[:, 1:])], dim=1), folded(error)


def train(fields: Sequence[Field], steps: int) -> LocalUNet:
    """Fit the expected absolute error, as a factor on σ(x), by the likelihood of a Laplace distribution."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    network = LocalUNet(9, 4, (32, 64, 96), (1, 1, 2), normalised=True)
    torch.nn.init.zeros_(network.head.weight)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.05)
    orientations = list(quarter_turns(8))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    for step in range(1, steps + 1):
        batch = [fields[i] for i in torch.randint(len(fields), (BATCH,), generator=generator).tolist()]
        seen = torch.stack([field.seen for field in batch])
        error = torch.stack([field.error for field in batch])
        orientation = orientations[int(torch.randint(len(orientations), (), generator=generator))]
        seen, error = turned(seen, error, orientation)
        log_size = seen[:, 5:] + network(seen)
        loss = (log_size + error * torch.exp(-log_size)).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} of {steps}: {loss.item():.3f}", flush=True)
    return network.eval()


def correlation(fields: Sequence[Field], network: LocalUNet | None = None) -> float:
    """Correlate predicted with true errors: those of the network, or σ(x)."""
    with torch.inference_mode():
        logs = [f.log_scale + (network(f.seen[None])[0] if network else 0) for f in fields]
    predicted = torch.cat([f.gain * log.exp().ravel() for f, log in zip(fields, logs, strict=True)])
    return error_correlation(predicted.numpy(), torch.cat([f.gain * f.error.ravel() for f in fields]).numpy())


def main() -> None:
    """Train, judge, print, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--micrographs", type=Path, required=True, help="folder of real SIM images")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/error_network.json"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    numbers, photons, side, steps = TRAINED_ON, PHOTONS, 80, options.steps
    if options.quick:
        numbers, photons, side, steps = range(1, 4), PHOTONS[:1], 40, 20
    trained = list(previews(options.micrographs, numbers, photons, side))
    held_out = list(previews(options.micrographs, CALIBRATION_IMAGES, photons, side))
    network = train(trained, steps)
    found = {
        "σ(x), images it was trained on": correlation(trained),
        "σ(x), held-out images": correlation(held_out),
        "network for errors, held-out images": correlation(held_out, network),
    }
    for name, value in found.items():
        print(f"{name:40}{value:6.3f}")
    report = {"fields": len(trained), "steps": steps, "correlation": found}
    options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
