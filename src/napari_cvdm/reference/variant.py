"""The measures of a network, told by the shapes of its arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from napari_cvdm.reference.keras_file import KerasLayer, WeightsFileError

Kind = Literal["schedule", "sr3", "unet", "mean"]

_TITLES = {
    "schedule": "schedule",
    "sr3": "noise network (sr3)",
    "unet": "noise network (unet)",
    "mean": "mean network",
}


@dataclass(frozen=True)
class Network:
    """One network's layers.

    Attributes
    ----------
    kind : {"schedule", "sr3", "unet", "mean"}
        Which network it is.
    layers : list of KerasLayer
        Its layers, those of one type in the order of their creation.
    path : Path
        The file, for messages.
    """

    kind: Kind
    layers: list[KerasLayer]
    path: Path

    @property
    def title(self) -> str:
        """What to call it in a message."""
        return _TITLES[self.kind]

    def of_type(self, layer_type: str) -> list[KerasLayer]:
        """Its layers of one type, in the order of their creation."""
        return [layer for layer in self.layers if layer.type == layer_type]

    def shape(self, place: int) -> tuple[int, ...]:
        """Shape of a convolution's kernel: its rows, columns, inputs and outputs.

        Raises
        ------
        WeightsFileError
            If there is no such convolution, or it has no kernel of four axes.
        """
        layers = self.of_type("conv2d")
        kernel = layers[place].arrays.get("kernel") if -len(layers) <= place < len(layers) else None
        if kernel is None or kernel.ndim != 4:
            raise WeightsFileError(
                f"{self.path} lacks a convolution in its {self.title}: it is incomplete or not of the "
                "published code."
            )
        return kernel.shape


def kind_of(layers: Sequence[KerasLayer], path: Path) -> Kind:
    """Tell which network a group of layers is, by what only that one has.

    Raises
    ------
    WeightsFileError
        If it is none of them.
    """
    kernels = [layer.arrays["kernel"].shape for layer in layers if "kernel" in layer.arrays]
    hidden = [shape for shape in kernels if len(shape) == 4 and shape[:3] == (3, 3, 1) and shape[3] >= 1024]
    types = {layer.type for layer in layers}
    if "attention_vector_layer" in types:
        return "sr3"
    if "conv2d_transpose" in types and len(hidden) == 2:
        return "schedule"
    if "conv2d_transpose" in types and not hidden:
        return "unet" if any(shape[:2] == (7, 7) for shape in kernels) else "mean"
    raise WeightsFileError(
        f"{path} holds a network of {len(layers)} layers that is none of the published ones (noise network, "
        "schedule, mean network): only weights trained with the published CVDM code can be used."
    )


class UNetMeasures(NamedTuple):
    """Channels of a U-Net: in, at the finest level, and out."""

    inputs: int
    width: int
    outputs: int


def describe_unet(network: Network, *, first: int, second_input: bool) -> UNetMeasures:
    """Measure the U-Net that a network is, or has as a part; it begins with convolution number `first`.

    If there is a second input, its convolution of 7 × 7 is the one after that.
    """
    rows, _, inputs, width = network.shape(first)
    outputs = network.shape(-1)[3]
    if rows != 3 or (second_input and network.shape(first + 1)[0] != 7):
        raise WeightsFileError(
            f"{network.path} has convolutions in another order than the published {network.title}: it cannot "
            "be used."
        )
    return UNetMeasures(inputs, width, outputs)


def describe_sr3(network: Network) -> dict[str, Any]:
    """Measure an sr3 network: `ReferenceConfig`'s settings for its noise network."""
    count = len(network.of_type("conv2d"))
    sides = [network.shape(place)[0] for place in range(count)]
    # Two first convolutions; blocks down of sides 1, 1, 3, 3; two in the middle of sides 1, 3, 3; blocks up
    # as those down; one last convolution.
    place, down = 2, 0
    while sides[place : place + 4] == [1, 1, 3, 3]:
        place, down = place + 4, down + 1
    up, rest = divmod(count - place - 7, 4)
    levels = up - down  # there is one block more in each level on the way up
    fits = sides[place : place + 6] == [1, 3, 3, 1, 3, 3] and sides[place + 6 : -1] == [1, 1, 3, 3] * up
    if sides[:2] != [7, 3] or not fits or rest or levels < 1 or down % levels:
        raise WeightsFileError(
            f"{network.path} has convolutions in another order than the published {network.title}: it is "
            "incomplete or was trained with changed code."
        )
    blocks = down // levels
    stem = network.shape(0)[3]
    widths = tuple(network.shape(2 + 4 * blocks * level)[3] for level in range(levels))
    return {
        "noise_kind": "sr3",
        "stem": stem,
        "noise_widths": widths,
        "noise_blocks": blocks,
        "attention_level": _attention_level(network, stem, widths, blocks),
    }


def _attention_level(network: Network, stem: int, widths: tuple[int, ...], blocks: int) -> int | None:
    """Find the level with attention by the order of the group normalisations' widths."""
    found = [layer.arrays["gamma"].size for layer in network.of_type("group_normalization") if layer.arrays]
    candidates: list[int | None] = [None, *range(len(widths))]
    for level in candidates:
        if _norm_widths(stem, widths, blocks, level) == found:
            return level
    raise WeightsFileError(
        f"{network.path} has its normalisations or its attention in other places than the published "
        f"{network.title}: it is incomplete or was trained with changed code."
    )


def _norm_widths(stem: int, widths: tuple[int, ...], blocks: int, attention: int | None) -> list[int]:
    """Widths of the group normalisations of an sr3 network in the order of their creation."""
    current, skips, norms = stem, [stem], []
    for level, width in enumerate(widths):
        for _ in range(blocks):
            norms += [current, width] if level == attention else [current]
            current = width
            skips.append(width)
        if level < len(widths) - 1:
            skips.append(width)
    norms += [current] * 3
    for level, width in reversed(list(enumerate(widths))):
        for _ in range(blocks + 1):
            joined = current + skips.pop()
            norms += [joined, width] if level == attention else [joined]
            current = width
    return [*norms, current]
