"""Tiles for one network pass: large planes in small pieces, with the pixels of the whole.

A tile is cut for a single network pass, never for a whole trajectory. The sampler keeps the state of the
entire plane; each evaluation of a network is then carried out tile by tile, every tile reading a halo from
that common state and writing only its own pixels back. A network that sees no further than the halo cannot
tell the difference, so tiled equals whole for any number of steps: there is nothing to blend, and there are
no seams.

The plane itself is padded by reflection before anything else, so that the image's border pixels are seen in
plausible surroundings instead of the zeros that convolutions pad with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import hypot

import torch
from torch import Tensor

#: Camera pixels of reflected image on each side of a plane, rounded up to the network's granularity.
MARGIN = 16

#: Tensors of one tile, each (1, C, h, w), in the order of the inputs -> output tensors of the same height and
#: width.
TileNetwork = Callable[..., Sequence[Tensor]]

#: Rows and columns of a tile in the plane, and the tensors of the same height and width that belong there.
TileOutput = Callable[[range, range, tuple[Tensor, ...]], object]


@dataclass(frozen=True)
class Padding:
    """How a plane was enlarged, and where its own pixels are.

    Attributes
    ----------
    height, width : int
        Size of the image in camera pixels.
    rows, columns : range
        Global coordinates of the padded plane; the image's own first pixel is 0, the margin before it
        negative.
    """

    height: int
    width: int
    rows: range
    columns: range

    @property
    def first(self) -> tuple[int, int]:
        """Row and column of the image's first pixel in the padded plane."""
        return -self.rows.start, -self.columns.start

    def crop_fine(self, fine: Tensor, upscaling: int) -> Tensor:
        """Cut the image out of a padded plane on the fine grid, shape (..., s·H_padded, s·W_padded)."""
        top, left = (upscaling * start for start in self.first)
        return fine[..., top : top + self.height * upscaling, left : left + self.width * upscaling]

    def own(self, rows: range, columns: range) -> tuple[range, range]:
        """Return the rows and columns of the image that lie in those of the padded plane; maybe none."""
        top, left = self.first
        return (
            range(max(0, rows.start - top), min(self.height, rows.stop - top)),
            range(max(0, columns.start - left), min(self.width, columns.stop - left)),
        )


def plan_padding(height: int, width: int, granularity: int) -> Padding:
    """Plan the margin around a plane: at least `MARGIN` on each side, and sizes the network accepts.

    The padded height and width, and the margin before the first pixel, become multiples of the granularity.
    """
    before = _round_up(MARGIN, granularity)
    rows, columns = (range(-before, _round_up(size + MARGIN, granularity)) for size in (height, width))
    return Padding(height, width, rows, columns)


def pad_by_reflection(plane: Tensor, padding: Padding) -> Tensor:
    """Fill the margin by mirroring at the border pixels, as often as a small plane needs it.

    From (..., H, W), of any size from 1 × 1, to (..., len(rows), len(columns)); the padding is one for this H
    and W.
    """
    rows = _reflected(padding.rows, padding.height, plane.device)
    columns = _reflected(padding.columns, padding.width, plane.device)
    return plane.index_select(-2, rows).index_select(-1, columns)


def _reflected(coordinates: range, size: int, device: torch.device) -> Tensor:
    """Mirror coordinates about the first and the last pixel, as often as it takes to reach 0 .. size - 1."""
    if size == 1:
        return torch.zeros(len(coordinates), dtype=torch.int64, device=device)
    period = 2 * (size - 1)
    position = torch.arange(coordinates.start, coordinates.stop, device=device).remainder(period)
    return torch.minimum(position, period - position)


def tile_spans(length: int, tile: int, granularity: int) -> list[range]:
    """Cut 0 .. length into even stretches of at most ``tile``, rounded up to the granularity.

    Even stretches need less memory than full ones and a remainder, for the same number of halos.
    """
    largest = _round_up(tile, granularity)
    count = -(-length // largest)
    side = _round_up(-(-length // count), granularity)
    return [range(start, min(start + side, length)) for start in range(0, length, side)]


def apply_tiled(
    network: TileNetwork,
    inputs: Sequence[Tensor],
    *,
    tile: int,
    halo: int,
    granularity: int,
    checkpoint: Callable[[], None] = lambda: None,
    on_tile: Callable[[int, int], object] = lambda done, tiles: None,
    on_output: TileOutput = lambda rows, columns, output: None,
    first: tuple[float, float] | None = None,
) -> tuple[Tensor, ...]:
    """Evaluate a network on a plane, tile by tile.

    Parameters
    ----------
    network : callable
        Takes one tensor (1, C_i, h, w) for each input and returns tensors (1, D_j, h, w), which become
        (1, D_j, H, W).
    inputs : sequence of Tensor
        Shape (1, C_i, H, W), with H and W multiples of ``granularity``.
    tile : int
        Largest side of a tile, halo not counted, rounded up to the granularity.
    halo : int
        How far the network sees, in pixels. Each tile is given this much of its surroundings, rounded up to
        the granularity; at the border of the plane there is no more to give, as in a pass over the whole
        plane.
    granularity : int
        Tiles begin and end at multiples of it, so that they keep the phase of the network's down-sampling.
    checkpoint : callable, optional
        Called before every tile. What it raises ends the pass; the inputs are left as they were.
    on_tile : callable, optional
        Told after every tile, if there are several, how many are done and how many there are.
    on_output : callable, optional
        Given, before that, the tile's rows and columns in the plane, and what the network says of them.
    first : (float, float), optional
        Row and column to begin at: the nearer a tile, the sooner. By default, tiles come row by row.
    """
    height, width = inputs[0].shape[-2:]
    reach = _round_up(halo, granularity)
    row_spans = tile_spans(height, tile, granularity)
    column_spans = tile_spans(width, tile, granularity)
    if len(row_spans) == len(column_spans) == 1:
        checkpoint()
        return tuple(network(*inputs))
    outputs: tuple[Tensor, ...] = ()
    tiles = list(product(row_spans, column_spans))
    if first is not None:
        tiles.sort(key=lambda spans: _distance(spans, first))
    for done, (rows, columns) in enumerate(tiles, start=1):
        top, bottom = max(0, rows.start - reach), rows.stop + reach
        left, right = max(0, columns.start - reach), columns.stop + reach
        checkpoint()
        results = tuple(network(*(each[..., top:bottom, left:right] for each in inputs)))
        outputs = outputs or tuple(r.new_empty((*r.shape[:-2], height, width)) for r in results)
        own_rows = slice(rows.start - top, rows.stop - top)
        own_columns = slice(columns.start - left, columns.stop - left)
        own = tuple(result[..., own_rows, own_columns] for result in results)
        for output, result in zip(outputs, own, strict=True):
            output[..., rows.start : rows.stop, columns.start : columns.stop] = result
        on_output(rows, columns, own)
        on_tile(done, len(tiles))
    return outputs


def _distance(spans: tuple[range, range], place: tuple[float, float]) -> float:
    """Return how far the middle of a tile is from a place."""
    return hypot(*((span.start + span.stop) / 2 - at for span, at in zip(spans, place, strict=True)))


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
