"""Sparse structure: found by its own pixels, not in noise, in dense images or in hot pixels."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from napari_cvdm.models.pretrained import PERCENTILES
from napari_cvdm.restoration.normalization import Normalization, fit_planes
from napari_cvdm.restoration.sparse import SPARSE, STRIP_ROWS, measure_structure


def _field(spots: int, side: int = 256, height: float = 1000.0, seed: int = 0) -> NDArray[np.float64]:
    """Spots of one height, as wide as a point-spread function, on a background of 20 photons; no noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    field = np.full((side, side), 20.0)
    for row, column in rng.integers(16, side - 16, (spots, 2)):
        field += height * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * 1.3**2))
    return field


def _noisy(field: NDArray[np.float64]) -> NDArray[np.uint16]:
    return (np.random.default_rng(1).poisson(field) + 100).astype(np.uint16)


@pytest.mark.parametrize("spots", [1, 2, 5])
def test_a_few_spots_enter_the_networks_as_bright_as_many_do(spots):
    field = _noisy(_field(spots))
    fitted = Normalization.fit(field)
    assert (field.max() - fitted.low) / (np.percentile(field, 99.8) - fitted.low) > 3
    assert 1 < (field.max() - fitted.low) / fitted.span < 3
    assert fitted.brightest is None
    low, high = fitted.percentiles
    assert low == 1
    assert 99.8 < high < 100
    assert np.percentile(field, high) == pytest.approx(fitted.high, rel=0.1)


def test_spots_without_noise_do_so_as_well():
    field = _field(5)
    fitted = Normalization.fit(field)
    assert 1 <= (field.max() - fitted.low) / fitted.span < 4


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_units_make_no_difference(unit: float) -> None:
    assert Normalization.fit(unit * _field(5)).high == pytest.approx(unit * Normalization.fit(_field(5)).high)


def test_dirt_among_spots_is_told_in_the_units_of_the_spots() -> None:
    field = _field(4, height=300.0)
    field[2:5, 2:5] = 20_000
    noisy = _noisy(field)
    fitted = Normalization.fit(noisy)
    assert fitted.percentiles != PERCENTILES
    assert fitted.brightest == pytest.approx((np.median(noisy[2:5, 2:5]) - fitted.low) / fitted.span)


def test_structure_that_is_not_sparse_is_measured_as_ever():
    field = _noisy(_field(60))
    assert Normalization.fit(field).percentiles == PERCENTILES
    structure = measure_structure([field], (1, *field.shape), 500.0, 9e9)
    assert structure.share == SPARSE or structure.bright_end is None
    assert Normalization.fit(field).high == np.percentile(field, 99.8)


@pytest.mark.parametrize(("brightness", "by_itself"), [(1.8, False), (2.2, True)])
def test_structure_that_the_percentiles_nearly_meet_is_left_to_them(brightness: float, by_itself: bool):
    """Only what would reach the networks at more than 2 is brighter than they know it."""
    field = np.random.default_rng(0).normal(100, 1, (200, 200))
    field[100:120, 100:120] += 1000  # 1 % of the pixels, of which the 99.8th percentile is one
    field[105:108, 100:120] += 1000 * (brightness - 1)  # and its brighter sixth
    field[20, 20] = 60_000  # a hot pixel, for which the image is looked at again
    fitted = Normalization.fit(field)
    assert (fitted.percentiles != PERCENTILES) == by_itself
    assert fitted.high == pytest.approx(100 + 1000 * (brightness if by_itself else 1), rel=0.01)


def test_bright_rows_of_a_scan_are_no_noise_that_hides_spots():
    field = _noisy(_field(5, height=200.0)).astype(float)
    striped = field.copy()
    striped[::3] += 150
    plain, found = (measure_structure([each], (1, *each.shape), 100.0, 9e9) for each in (field, striped))
    assert plain.bright_end is not None
    assert found.bright_end == pytest.approx(plain.bright_end, rel=0.05)


def test_structure_is_where_the_median_of_a_pixel_and_its_neighbours_stands_out() -> None:
    rng = np.random.default_rng(0)
    planes = np.zeros((2, STRIP_ROWS + 90, 60))
    for rows, columns in (
        (slice(9), slice(9)),
        (slice(300, 310), slice(50, 60)),
        (slice(-7, None), slice(5)),
    ):
        patch = planes[1, rows, columns]
        patch[:] = rng.integers(100, 1000, patch.shape) * (rng.random(patch.shape) < 0.6)
    middle = STRIP_ROWS // 2 + 45  # where one strip ends and the next begins
    medians = np.concatenate(
        [median_filter(half, 3, mode="nearest") for half in np.split(planes[1], [middle])]
    )
    there = planes[1][medians > 5]
    for notable, brightest in ((5.0, medians.max()), (medians.max(), -np.inf)):
        structure = measure_structure(list(planes), planes.shape, 100.0, notable)
        assert structure.share == there.size / planes.size
        assert structure.bright_end == np.percentile(there, 90)
        assert structure.brightest == brightest


def test_bright_spots_are_found_beside_dense_structure_too() -> None:
    planes = np.zeros((3, 40, 40))
    planes[:, 20:, 20:] = 50
    planes[2, 4:7, 4:7] = [[900, 800, 700]] * 3
    found = measure_structure(list(planes), planes.shape, 100.0, 100.0)
    assert found.share >= SPARSE
    assert (found.bright_end, found.brightest) == (None, 800)


def test_both_rules_meet_where_structure_is_no_longer_sparse():
    field = np.full((200, 200), 100.0) + np.random.default_rng(0).normal(0, 1, (200, 200))
    field[:28, :28] = np.random.default_rng(1).uniform(500, 1000, (28, 28))  # 1.96 % of the pixels
    structure = measure_structure([field], (1, 200, 200), 1.0, 9e9)
    assert structure.share == pytest.approx(0.0196, abs=0.001)
    assert structure.bright_end == pytest.approx(np.percentile(field, 99.8), rel=0.02)


def test_hot_pixels_in_noise_change_nothing():
    rng = np.random.default_rng(0)
    noise = rng.poisson(50.0, (256, 256)).astype(float)
    rows, columns = rng.integers(0, 256, (2, 60))
    noise[rows, columns] = 60_000
    fitted = Normalization.fit(noise)
    assert fitted.percentiles == PERCENTILES
    assert fitted.brightest is None
    assert measure_structure([noise], (1, 256, 256), fitted.span, 9e9).bright_end is None


@pytest.mark.parametrize("rounding", [0.0, 1e-9])
def test_a_hot_pixel_does_not_dim_spots_on_an_even_background(rounding: float) -> None:
    """Such as was subtracted and cut off at 0: both percentiles of all pixels lie in it."""
    y, x = np.mgrid[:256, :256]
    field = np.round(500 * np.exp(-((y - 99) ** 2 + (x - 80) ** 2) / 5))
    field += rounding * np.random.default_rng(0).standard_normal(field.shape)
    assert Normalization.fit(field).high == field.max()
    field[20, 20] = 65_535
    fitted = Normalization.fit(field)
    assert fitted.high == pytest.approx(np.median(field[98:101, 79:82]))
    assert fitted.percentiles == (0, 100)


def test_dirt_on_a_dense_specimen_does_not_dim_it_but_is_told():
    y, x = np.mgrid[:256, :256]
    dense = 500 * (1 + np.sin(x / 4) * np.sin(y / 5)) + 100
    dirty = dense + 40_000 * np.exp(-((y - 99) ** 2 + (x - 80) ** 2) / 8)
    clean, spotted = (Normalization.fit(_noisy(each)) for each in (dense, dirty))
    assert spotted.high == pytest.approx(clean.high, rel=0.05)
    assert clean.brightest is None
    assert spotted.brightest == pytest.approx(40_000 / clean.span, rel=0.3)


def test_one_labelled_plane_among_empty_ones_is_measured_by_its_own_pixels():
    labelled = _noisy(_field(60, 64))
    stack = np.stack([labelled, *(_noisy(np.full((64, 64), 20.0)) for _ in range(299))])
    fitted = fit_planes(lambda: list(stack), stack.shape)
    assert 1 < (labelled.max() - fitted.low) / fitted.span < 3


@pytest.mark.parametrize("chunks", [(64, 64), (-1, 32), (2000, 7)])
def test_chunks_change_nothing(chunks):
    field = np.pad(_noisy(_field(2)), ((0, STRIP_ROWS), (0, 0)), mode="wrap")
    lazy = da.from_array(field, chunks=chunks)
    assert Normalization.fit(field).high > 3 * np.percentile(field, 99.8)
    fitted = fit_planes(lambda: [lazy], (1, *field.shape))
    assert fitted == Normalization.fit(field)


def test_a_plane_that_is_one_chunk_is_computed_once_to_be_looked_at_again():
    field = np.pad(_noisy(_field(2)), ((0, 2 * STRIP_ROWS), (0, 0)), mode="wrap")
    computed = []
    plane = da.from_array(field, chunks=-1).map_blocks(lambda chunk: computed.append(1) or chunk, meta=field)
    assert fit_planes(lambda: [plane], (1, *field.shape)).percentiles != PERCENTILES
    assert len(computed) == 2


def test_pixels_that_are_not_finite_are_not_looked_at():
    field = _noisy(_field(2)).astype(float)
    holes = field.copy()
    holes[:60, :8] = np.nan
    holes[200, :] = np.inf
    holes = np.concatenate([holes, np.full((STRIP_ROWS, 256), np.nan)])
    assert Normalization.fit(holes).high == pytest.approx(Normalization.fit(field).high, rel=0.05)


def test_a_plane_one_pixel_wide_has_no_neighbours_to_measure_noise_on():
    column = np.full((500, 1), 10.0)
    column[250:253] = 900
    assert measure_structure([column], (1, 500, 1), 1.0, 9e9).bright_end == 900
