"""Where restored pixels lie: sizes and place of an image, or of a part of it, on the finer grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from napari_cvdm.files.ome_tiff import ome_letters
from napari_cvdm.restoration.axes import Axes
from napari_cvdm.restoration.described import DescribedPart

if TYPE_CHECKING:
    from napari_cvdm.restoration.lazy import LazyRestoration


def restored_grid(
    lazy: LazyRestoration,
    *,
    pixel_sides_nm: tuple[float, float] | None = None,
    z_spacing_nm: float | None = None,
    time_interval_s: float | None = None,
    steps: Mapping[str, float] | None = None,
    origin: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Find out where the pixels of a restoration lie.

    Parameters
    ----------
    lazy : LazyRestoration
        What is restored; its provenance says which part of the image that is.
    pixel_sides_nm, z_spacing_nm, time_interval_s, steps, origin
        Of the whole image, as for `napari_cvdm.files.streaming.write_restoration`.

    Returns
    -------
    dict
        What `napari_cvdm.files.ome_zarr.create_ome_zarr` takes of these, by the letters that the axes have in
        files. Chosen planes that are not evenly spaced count as neighbours, from the first of them on.
    """
    height, width = (lazy.pixel_size,) * 2 if lazy.pixel_size is not None else pixel_sides_nm or (None, None)
    chosen = _chosen(lazy)
    sizes = dict.fromkeys(chosen) | {"Y": height, "X": width, "Z": z_spacing_nm, "T": time_interval_s}
    fine_sizes, fine_steps, fine_origin = {}, {}, {}
    for letter, size in sizes.items():
        own, positions = chosen.get(letter, (letter, None))
        positions = positions or range(1)
        start = (origin or {}).get(own, 0.0) + positions[0]
        if letter in "YX":
            spacing = 1 / lazy.upscaling
            start -= (1 - spacing) / 2  # a camera pixel begins with the first of its fine ones
        else:
            spacing = _spacing(positions)
        fine_sizes[letter] = None if size is None else size * spacing
        fine_steps[letter] = (steps or {}).get(own, 1.0) * spacing
        fine_origin[letter] = start / spacing
    return {
        "pixel_size_nm": fine_sizes["X"],
        "pixel_height_nm": fine_sizes["Y"],
        "z_spacing_nm": fine_sizes["Z"],
        "time_interval_s": fine_sizes["T"],
        "steps": fine_steps,
        "origin": fine_origin,
    }


def _chosen(lazy: LazyRestoration) -> dict[str, tuple[str, Sequence[int] | None]]:
    """Return the own letter of each axis and what is restored along it, None for all, by the file's letters.

    In place of a letter that several axes have, which tells none of them, stands nothing.
    """
    part = DescribedPart.from_description(lazy.provenance["selection"], lazy.axes)
    along = list(zip(lazy.axes, part.along(lazy.axes), strict=True))
    in_order = [each for each in along if each[0] not in "YX"] + [(each, dict(along)[each]) for each in "YX"]
    letters = ome_letters(Axes(lazy.axes, tuple(lazy.mean.shape)))
    return {
        letter: (own if lazy.axes.count(own) == 1 else "", positions)
        for letter, (own, positions) in zip(letters, in_order, strict=True)
        if letter != "Q"
    }


def _spacing(positions: Sequence[int]) -> float:
    """Return from each position to the next, if that is always the same way up; else 1."""
    spacings = {after - before for before, after in pairwise(positions)}
    return float(spacings.pop()) if len(spacings) == 1 and min(spacings) > 0 else 1.0
