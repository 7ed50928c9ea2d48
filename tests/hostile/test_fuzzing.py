"""Seeded damage to good TIFF files, and properties that hold for any axes, tiles and intensities."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_cvdm.files.image_file import ImageFile
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.restoration.axes import AXIS_MEANINGS, name_axes
from napari_cvdm.restoration.errors import ImageFileError, InputError, InputTypeError
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.tiling import plan_padding, tile_spans
from tests.hostile.case import is_one_clear_sentence
from tests.hostile.file_cases import good

KINDS = {
    "plain": {},
    "compressed": {"compression": "zlib"},
    "ImageJ": {"imagej": True, "shape": (3, 12, 14), "metadata": {"axes": "TYX"}},
    "OME": {"ome": True, "shape": (2, 3, 12, 14), "metadata": {"axes": "TZYX"}},
}


@pytest.mark.filterwarnings("ignore")  # tifffile and numpy may warn of what they read
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    data = good(tmp_path, **KINDS[kind]).read_bytes()
    rng = random.Random(kind)
    for number in range(40):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            # The directories lie at the beginning and at the end: most of the damage is done there.
            place = rng.choice([rng.randrange(min(400, len(damaged))), rng.randrange(len(damaged))])
            damaged[place] = rng.randrange(256)
        if number % 4 == 0:
            del damaged[rng.randrange(len(damaged)) :]
        path = tmp_path / f"{number}.tif"
        path.write_bytes(bytes(damaged))
        outcome = _read(path)
        if isinstance(outcome, str):
            assert is_one_clear_sentence(outcome), outcome
        else:
            assert len(outcome.axes) == outcome.data.ndim


def _read(path: Path) -> ImageFile | str:
    try:
        return read_tiff(path)
    except ImageFileError as error:
        return str(error)


@given(st.text(max_size=8), st.lists(st.integers(0, 20), max_size=7))
def test_any_axes_are_understood_or_refused(text: str, shape: list[int]) -> None:
    try:
        axes = name_axes(tuple(shape), text)
    except (InputError, InputTypeError):
        return
    assert set(axes.names) <= set(AXIS_MEANINGS)
    array = np.arange(np.prod(shape)).reshape(shape)
    seen = np.concatenate([axes.plane(array, index).ravel() for index in axes.indices()])
    assert sorted(seen.tolist()) == list(range(array.size))


@given(st.integers(1, 5000), st.integers(1, 600), st.sampled_from([1, 2, 4, 8]))
def test_tiles_cover_every_pixel_once(length: int, tile: int, granularity: int) -> None:
    spans = tile_spans(length, tile, granularity)
    assert [i for span in spans for i in span] == list(range(length))
    assert all(span.start % granularity == 0 for span in spans)
    padding = plan_padding(length, length, granularity)
    assert len(padding.rows) % granularity == 0
    assert padding.rows.start < 0 < length < padding.rows.stop


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=4, max_size=60),
    st.floats(0.01, 1e4),
    st.floats(-1e5, 1e5),
)
def test_normalisation_is_undone_and_knows_no_units(values: list[float], gain: float, offset: float) -> None:
    plane = np.array([values])
    fitted = Normalization.fit(plane)
    size = np.abs(plane).max() + 1.0
    if fitted.span > 1e-3 * size:
        np.testing.assert_allclose(fitted.invert(fitted.apply(plane)), plane, atol=1e-5 * size, rtol=1e-5)
        other = Normalization.fit(gain * plane + offset)
        if gain * fitted.span > 1e-3 * (abs(offset) + gain * size):
            np.testing.assert_allclose(
                other.apply(gain * plane + offset), fitted.apply(plane), rtol=1e-3, atol=1e-3
            )
