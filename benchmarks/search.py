"""Which network and which data are worth a long training: short trainings that differ in one thing each.

    python benchmarks/search.py --micrographs FOLDER --json docs/benchmarks/search.json

Each variant changes one setting of a base (base.toml, but blocks not normalised and even light kept, as
before the search) and trains the mean network and its σ(x) from random weights, on the same number of pixels.
They are compared on validation images alone: real SIM images 41 to 45 imaged with the base's own ranges
(every other field), and 41 and 42 imaged again by another microscope. Figures are PSNR (dB) of the mean
network after the best gain and offset.

The last two rows train the whole model, small, to compare the draws: with a residual scale for each pixel,
and with one for each image.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from short_training import SMALL, train_briefly, training_batches
from torch import Tensor, nn
from torch.nn import functional as F

from napari_cvdm.assessment.calibration import error_correlation
from napari_cvdm.assessment.metrics import match_intensity, matched_psnr, psnr
from napari_cvdm.assessment.reimaging import ReimagedField, reimaged_fields
from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.cvdm.networks import ResidualBlock
from napari_cvdm.cvdm.objective import mean_and_scale_terms
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.training.config import DataConfig, OptimiserConfig, TrainingConfig, load_config
from napari_cvdm.training.validation import ValidationField, restore_field, validation_fields

Array = NDArray[Any]

#: Side of the patches, camera pixels, unless a variant says otherwise.
PATCH = 32


class DepthwiseBlock(nn.Module):
    """A 7×7 convolution of each channel, then two pointwise ones (Liu et al. 2022, arXiv 2201.03545)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.expand = nn.Conv2d(width, 4 * width, 1)
        self.contract = nn.Conv2d(4 * width, width, 1)
        nn.init.zeros_(self.contract.weight)
        nn.init.zeros_(self.contract.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` plus its correction."""
        correction: Tensor = self.contract(F.gelu(self.expand(self.spread(x))))
        return x + correction


class OneScale(CVDM):
    """A residual scale for each image instead of each pixel."""

    def mean_and_scale(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean, and the root mean square of σ(x) over the image, everywhere."""
        mean, scale = super().mean_and_scale(x)
        one = scale.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
        return mean, one.expand_as(scale)


@dataclass(frozen=True)
class Variant:
    """One thing changed: settings by the part of the configuration that holds them, or the block."""

    name: str
    architecture: dict[str, Any] = field(default_factory=dict)
    acquisition: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    block: Callable[[int], nn.Module] | None = None


VARIANTS = (
    Variant("base: widths 48 96 160, blocks 2 2 4"),
    Variant("wider, shallower: 64 128 208, 1 1 2", {"mean_widths": (64, 128, 208), "mean_blocks": (1, 1, 2)}),
    Variant("narrower, deeper: 32 64 112, 4 4 8", {"mean_widths": (32, 64, 112), "mean_blocks": (4, 4, 8)}),
    Variant("two levels: 64 128, 3 5", {"mean_widths": (64, 128), "mean_blocks": (3, 5)}),
    Variant(
        "four levels: 48 80 112 144, 2 2 2 2",
        {"mean_widths": (48, 80, 112, 144), "mean_blocks": (2, 2, 2, 2)},
    ),
    Variant("blocks normalised for each pixel", {"normalised": True}),
    Variant("blocks of depthwise 7×7 and pointwise", block=DepthwiseBlock),
    Variant("patches of 24²", data={"patch": 24}),
    Variant("patches of 48²", data={"patch": 48}),
    Variant("photons 50 to 3000", acquisition={"photons": (50.0, 3000.0)}),
    Variant("photons 15 to 500", acquisition={"photons": (15.0, 500.0)}),
    Variant("haze up to 0.5", acquisition={"haze": (0.0, 0.5)}),
    Variant("haze up to 3", acquisition={"haze": (0.0, 3.0)}),
    Variant("targets sharper: 0.36 of the PSF", acquisition={"target_ratio": 0.36}),
    Variant("targets less sharp: 0.5", acquisition={"target_ratio": 0.5}),
    Variant("no real images", data={"micrograph_share": 0.0}),
    Variant("80 % real images", data={"micrograph_share": 0.8}),
    Variant("real images without background", data={"kept_background": (0.0, 0.0)}),
)


def exchange_blocks(module: nn.Module, block: Callable[[int], nn.Module]) -> None:
    """Put another block wherever the network has a residual one."""
    for name, child in module.named_children():
        if isinstance(child, ResidualBlock):
            setattr(module, name, block(child.conv1.in_channels))
        else:
            exchange_blocks(child, block)


def configuration(base: TrainingConfig, variant: Variant, options: argparse.Namespace) -> TrainingConfig:
    """Return the base with one thing changed, and as many steps as show every variant as many pixels."""
    data: DataConfig = replace(base.data, **{"patch": PATCH, "field": 104, **variant.data})
    steps = round(options.steps * (PATCH / data.patch) ** 2)
    return replace(
        base,
        seed=options.seed,
        architecture=replace(base.architecture, **variant.architecture),
        acquisition=replace(base.acquisition, **variant.acquisition),
        data=data,
        optimiser=OptimiserConfig(
            cycles=(steps,), warmup=steps // 10, average=0.99, precision=options.precision
        ),
    )


def mean_and_scale_loss(model: CVDM, config: TrainingConfig, step: int, x: Tensor, y: Tensor) -> Tensor:
    """Return the terms of the objective that do without the noise network."""
    weights = config.objective
    mean_term, scale_term = mean_and_scale_terms(model.fold(y), *model.mean_and_scale(x))
    return weights.mean * mean_term + weights.scale * scale_term


def score(model: CVDM, held_out: list[ValidationField], again: list[ReimagedField]) -> dict[str, float]:
    """Mean PSNR of the mean network, and correlation of σ(x) with the error."""

    def picture(x: Array) -> tuple[Array, Array]:
        with torch.inference_mode():
            found = model.mean_and_scale(torch.from_numpy(np.pad(x, 16, mode="reflect"))[None, None])
            mean, scale = (model.unfold(each)[0, 0].numpy()[32:-32, 32:-32] for each in found)
        return mean, scale

    own, other, order = [], [], []
    for each in held_out:
        mean, scale = picture(each.x)
        matched = match_intensity(mean, each.y).apply(mean)
        own.append(psnr(matched, each.y))
        order.append(error_correlation(scale.ravel(), (matched - each.y).ravel()))
    for field_ in again:
        x = Normalization.fit(field_.widefield).apply(field_.widefield)
        mean, _ = picture(x)
        other.append(matched_psnr(mean, field_.truth))
    return {
        "validation": float(np.mean(own)),
        "reimaged": float(np.mean(other)),
        "correlation": float(np.mean(order)),
    }


def search(
    base: TrainingConfig, held_out: list[ValidationField], options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Train and score every variant."""
    again = list(reimaged_fields(options.micrographs, [41, 42], [60, 400]))
    for variant in VARIANTS[:2] if options.quick else VARIANTS:
        if options.only and not any(word in variant.name for word in options.only):
            continue
        config = configuration(base, variant, options)
        torch.manual_seed(options.seed)
        pair = [CVDM(config.architecture) for _ in range(2)]
        if variant.block is not None:
            for model in pair:
                exchange_blocks(model.mean_network, variant.block)
        data = training_batches(config, options.micrographs, 1)
        started = time.perf_counter()
        average = train_briefly(*pair, config, data, mean_and_scale_loss)
        seconds = (time.perf_counter() - started) / config.optimiser.steps
        size = sum(each.numel() for each in average.mean_network.parameters()) / 1e6
        yield {
            "variant": variant.name,
            "million_parameters": round(size, 2),
            "seconds_a_step": round(seconds, 3),
            **{name: round(value, 3) for name, value in score(average, held_out, again).items()},
        }


def compare_scales(
    base: TrainingConfig, held_out: list[ValidationField], options: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Train the small model with a scale for each pixel and for each image, and measure the draws."""
    small = replace(base, architecture=SMALL)
    for name, kind in (("σ(x) for each pixel", CVDM), ("one σ for each image", OneScale)):
        config = configuration(small, Variant(name), options)
        torch.manual_seed(options.seed)
        data = training_batches(config, options.micrographs, 1)
        average = train_briefly(kind(SMALL), kind(SMALL), config, data)
        ratios, orders, gains = [], [], []
        for number, each in enumerate(held_out):
            found = restore_field(average, each.x, 6, 4, seed=number)
            error = found.mean - each.y
            ratios.append(np.mean(found.std**2) / np.mean(error**2))
            orders.append(error_correlation(found.std.ravel(), error.ravel()))
            gains.append(10 * np.log10(np.mean((found.mean_network - each.y) ** 2) / np.mean(error**2)))
        yield {
            "scale": name,
            "std_over_rmse": round(float(np.sqrt(np.mean(ratios))), 3),
            "correlation": round(float(np.mean(orders)), 3),
            "gain_over_mean_network": round(float(np.mean(gains)), 3),
        }


def table(rows: list[dict[str, Any]], scales: list[dict[str, Any]]) -> str:
    """One line for each variant, then the two kinds of scale."""
    heads = ("M param.", "s / step", "validation", "re-imaged", "corr.")
    lines = [f"{'':40}" + "".join(f"{head:>12}" for head in heads)]
    for row in rows:
        size, seconds, own, other, order = list(row.values())[1:]
        lines.append(f"{row['variant']:40}{size:12.2f}{seconds:12.2f}{own:12.2f}{other:12.2f}{order:12.2f}")
    lines.append(f"{'draws':40}{'std/rmse':>12}{'corr.':>12}{'gain (dB)':>12}")
    for row in scales:
        ratio, order, gain = list(row.values())[1:]
        lines.append(f"{row['scale']:40}{ratio:12.2f}{order:12.2f}{gain:12.2f}")
    return "\n".join(lines)


def main() -> None:
    """Train all variants, print the table and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--micrographs", type=Path, required=True, help="folder of sharp images")
    parser.add_argument("--config", type=Path, default=Path("benchmarks/base.toml"), help="the base")
    parser.add_argument("--steps", type=int, default=600, help="training steps, for patches of 32²")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="bfloat16", choices=["bfloat16", "float32"])
    parser.add_argument("--only", nargs="+", help="words of the variants' names, to train these alone")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="two variants, a few steps: to see if it runs")
    options = parser.parse_args()
    if options.quick:
        options.steps = 20
    base = load_config(options.config)
    base = replace(
        base,
        architecture=replace(base.architecture, normalised=False),
        data=replace(base.data, even_light=True),
    )
    held_out = validation_fields(options.micrographs, base.acquisition)[::2]
    rows, scales = [], []
    for row in search(base, held_out, options):
        rows.append(row)
        print(json.dumps(row, ensure_ascii=False), flush=True)
    if not options.only:
        for row in compare_scales(base, held_out, options):
            scales.append(row)
            print(json.dumps(row, ensure_ascii=False), flush=True)
    print(table(rows, scales))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        found = {"steps": options.steps, "seed": options.seed, "variants": rows, "scales": scales}
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
