"""What can be understood from a layer: its axes, its pixel size, and the words to say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_cvdm.plugin.image.axis_steps import axis_steps, physical_steps
from napari_cvdm.plugin.image.pixel_sizes import NOT_KNOWN, are_square, believed, length_words
from napari_cvdm.plugin.results.layers import PIXEL_SIZE_KEY, full_data
from napari_cvdm.plugin.stored.stated import positive

if TYPE_CHECKING:
    from napari.layers import Image

_LETTERS = {
    "T": ("t", "time", "times", "frame", "frames", "timepoint", "timepoints"),
    "C": ("c", "ch", "channel", "channels", "wavelength"),
    "Z": ("z", "depth", "slice", "slices", "focus"),
    "Y": ("y", "row", "rows"),
    "X": ("x", "col", "column", "columns"),
}
_LETTER_OF = {word: letter for letter, words in _LETTERS.items() for word in words}

_ONE_AND_MANY = {
    "T": ("time point", "time points"),
    "C": ("channel", "channels"),
    "Z": ("plane of depth", "planes of depth"),
    "Q": ("plane", "planes"),
}

#: Pixel sizes, in micrometres, that a layer's scale without units is believed to mean.
_PLAUSIBLE_MICROMETRES = (0.005, 2.0)


@dataclass(frozen=True)
class FileReading:
    """What a layer's file says and the layer does not.

    Attributes
    ----------
    axes : str or None
        Letters of the axes.
    shape : tuple of int
        Length of each of them; empty when the axes are unknown.
    pixel_size : float or None
        Lateral size of a pixel, in nanometres.
    channel_names : tuple of str
        One for each channel, or none.
    pixel_sides : (float, float) or None
        Height and width, in nanometres, of pixels that are not square.
    z_spacing, time_interval : float or None
        Distance of planes in nanometres, and from frame to frame in seconds.
    note : str
        What else there is in the file than the layer may show, and how to come by it; a sentence, or empty.
    """

    axes: str | None = None
    shape: tuple[int, ...] = ()
    pixel_size: float | None = None
    channel_names: tuple[str, ...] = ()
    pixel_sides: tuple[float, float] | None = None
    z_spacing: float | None = None
    time_interval: float | None = None
    note: str = ""


@dataclass(frozen=True)
class LayerReading:
    """How a layer is understood.

    Attributes
    ----------
    axes : str
        One letter for each axis but the colour axis, as `napari_cvdm.restoration.axes` names them.
    shape : tuple of int
        Length of each of these axes, at full resolution.
    rgb : bool
        Whether a colour axis follows them.
    dtype : numpy.dtype
        Type of the pixels.
    pixel_size : float or None
        Lateral size of a pixel, in nanometres.
    pixel_size_origin : str
        Where the pixel size comes from, or why there is none; to be shown beside it.
    path : Path or None
        The file the layer was opened from, if it is one.
    channel_names : tuple of str
        Names of the channels, from the file; empty if they are not known.
    note : str
        As `FileReading` has it.
    """

    axes: str
    shape: tuple[int, ...]
    rgb: bool
    dtype: np.dtype[Any]
    pixel_size: float | None
    pixel_size_origin: str
    path: Path | None
    channel_names: tuple[str, ...] = ()
    note: str = ""


def read_layer(layer: Image) -> LayerReading:
    """Read an image layer of any kind without touching its pixels or its file, so that it takes no time."""
    data = full_data(layer)
    axes = axes_of(layer.axis_labels)
    pixel_size, origin = _pixel_size(layer, axes)
    path = layer.source.path
    return LayerReading(
        axes=axes,
        shape=tuple(int(n) for n in data.shape[: layer.ndim]),
        rgb=bool(layer.rgb),
        dtype=np.dtype(layer.dtype),
        pixel_size=pixel_size,
        pixel_size_origin=origin,
        path=Path(path) if path and Path(path).exists() else None,
    )


def axes_of(labels: Sequence[str]) -> str:
    """Find the letters for the axis labels of a layer, one for each.

    Labels that say nothing ("-3", "axis 0") are unnamed axes, Q, but for the last two: unless the labels name
    both Y and X, those are rows and columns, which is how napari displays them.
    """
    letters = [_LETTER_OF.get(label.strip().lower(), "Q") for label in labels]
    if not {"Y", "X"} <= set(letters):
        letters = ["Q" if letter in "YX" else letter for letter in letters[:-2]] + ["Y", "X"]
    # A second "time" cannot be told from the first, so it stays without a name.
    return "".join("Q" if letter in letters[:i] else letter for i, letter in enumerate(letters))


def with_file(reading: LayerReading, file: FileReading) -> LayerReading:
    """Complete what a layer says with what its file says; where both speak, the layer is believed.

    A layer may show one channel of its file, as napari makes them with ``channel_axis``.
    """
    unsure = reading.pixel_size is None or reading.pixel_size_origin == _GUESSED
    if unsure and file.pixel_size is not None:
        size, origin = believed(file.pixel_size, _OF_FILE)
        reading = replace(reading, pixel_size=size, pixel_size_origin=origin)
    elif reading.pixel_size_origin == NOT_KNOWN and file.pixel_sides is not None:
        reading = replace(reading, pixel_size_origin=_oblong("file", *file.pixel_sides))
    reading = replace(reading, channel_names=file.channel_names, note=file.note)
    if file.axes is None or set(reading.axes) - set("QYX"):
        return reading
    named = [(a, n) for a, n in zip(file.axes, file.shape, strict=True) if a != "S"]
    for kept in (named, [(a, n) for a, n in named if n > 1]):  # readers drop axes of length one
        for fitting in (kept, _without_channels(kept, reading.shape)):
            axes, shape = "".join(a for a, _ in fitting), tuple(n for _, n in fitting)
            if shape == reading.shape and {"Y", "X"} <= set(axes):
                return replace(reading, axes=axes)
    return reading


def _without_channels(axes: list[tuple[str, int]], shape: tuple[int, ...]) -> list[tuple[str, int]]:
    """Return a file's axes but for that of channels, if no other can be what a layer of this shape lacks."""
    rests = [axes[:i] + axes[i + 1 :] for i in range(len(axes))]
    fitting = [rest for rest in rests if tuple(n for _, n in rest) == shape]
    unambiguous = len(fitting) == 1 and "C" in dict(axes) and "C" not in dict(fitting[0])
    return fitting[0] if unambiguous else []


def describe(reading: LayerReading) -> str:
    """Say in words what an image is: "12 time points, 2 channels, 512 × 480 pixels"; and of what file."""
    parts = []
    unnamed = [str(n) for letter, n in zip(reading.axes, reading.shape, strict=True) if letter == "Q"]
    several = len(unnamed) > 1
    for letter, length in zip(reading.axes, reading.shape, strict=True):
        if letter not in ("YXQ" if several else "YX"):
            one, many = _ONE_AND_MANY[letter]
            parts.append(f"{length} {one if length == 1 else many}")
    height, width = (reading.shape[reading.axes.index(letter)] for letter in "YX")
    planes = f"{' × '.join(unnamed)} planes of " if several else ""
    parts.append(f"{planes}{width} × {height} pixels")
    if reading.rgb:
        parts.append("in colour (RGB)")
    words = ", ".join(parts)
    return f"{words}. {reading.note}" if reading.note else words


def with_roles(reading: LayerReading, roles: Mapping[int, str]) -> LayerReading:
    """Name axes as the user says they are.

    Only axes without a name get one, and each letter is given once. Roles are told by the number of the axis.
    """
    letters = list(reading.axes)
    for number, letter in roles.items():
        if letters[number] == "Q" and letter not in letters:
            letters[number] = letter
    return replace(reading, axes="".join(letters))


_OF_FILE = "from the file"
_GUESSED = "from the layer's scale, taken as µm"


def _oblong(what: str, height: float, width: float) -> str:
    """Say of pixels with such sides, in nanometres, why they have no size."""
    return (
        f"Not known: the {what}'s pixels are {length_words(width)} wide and {length_words(height)} high, and "
        "the model knows square ones only. Correct the scale, resample the image, or type a size."
    )


def _pixel_size(layer: Image, axes: str) -> tuple[float | None, str]:
    """Lateral pixel size in nanometres and where it was found; None and why, if it was not."""
    matrix = layer.affine.affine_matrix
    known = physical_steps(layer.scale, matrix, layer.units, axes)
    if {"Y", "X"} <= known.keys():
        height, width = known["Y"], known["X"]
        if not are_square(height, width):
            return None, _oblong("layer", height, width)
        return believed(float(np.sqrt(height * width)), "from the layer")
    told = positive(layer.metadata.get(PIXEL_SIZE_KEY))
    if told is not None:
        return believed(told, _OF_FILE)
    low, high = _PLAUSIBLE_MICROMETRES
    height, width = (float(axis_steps(layer.scale, matrix)[axes.index(letter)]) for letter in "YX")
    lateral = float(np.sqrt(height * width))
    if are_square(height, width) and lateral != 1 and low <= lateral <= high:
        return lateral * 1000, _GUESSED
    return None, NOT_KNOWN
