"""Windows put together from the chunks of dask arrays."""

import numpy as np
import pytest

from napari_cvdm.restoration.tasks import plan_pieces


@pytest.mark.parametrize("rows", [range(3), range(2, 17), range(5, 6), range(20)])
@pytest.mark.parametrize("columns", [range(1), range(7, 13)])
def test_pieces_make_up_the_window(rows: range, columns: range) -> None:
    chunks = ((2, 1), (5, 3, 12), (7, 6))
    array = np.random.default_rng(0).random((3, 20, 13))
    edges = [np.cumsum((0, *lengths)) for lengths in chunks]
    for plane in range(3):
        pieces, numbers = plan_pieces(chunks, (plane,), rows, columns)
        window = np.full(pieces.shape, np.nan)
        for number, (taken, down, across) in zip(numbers, pieces.parts, strict=True):
            chunk = array[tuple(slice(e[n], e[n + 1]) for e, n in zip(edges, number, strict=True))]
            window[down, across] = chunk[taken]
        np.testing.assert_array_equal(
            window, array[plane, rows.start : rows.stop, columns.start : columns.stop]
        )


def test_only_chunks_that_are_needed_are_asked_for() -> None:
    _, numbers = plan_pieces(((4,), (10, 10), (10, 10, 10)), (3,), range(2, 8), range(9, 20))
    assert numbers == [(0, 0, 0), (0, 0, 1)]
