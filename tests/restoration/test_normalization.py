"""Normalisation: measured where it should be, undone exactly, blind to number formats."""

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_cvdm.models.pretrained import PERCENTILES
from napari_cvdm.restoration import normalization as module
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.normalization import Normalization, fit_normalizations
from napari_cvdm.restoration.selection import select


def test_the_percentiles_become_zero_and_one():
    plane = np.arange(1001.0).reshape(7, 143)
    fitted = Normalization.fit(plane)
    assert (fitted.low, fitted.high) == (10.0, 998.0)
    assert fitted.percentiles == (1.0, 99.8)
    np.testing.assert_allclose(fitted.apply([[10, 998, 504]]), [[0, 1, 0.5]], rtol=1e-6)
    assert fitted.apply(plane).dtype == np.float32


@settings(max_examples=50, deadline=None)
@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e6),
    st.lists(st.floats(-2, 3, width=32), min_size=1, max_size=8),
)
def test_inversion_undoes_application(low, span, values):
    fitted = Normalization(low, low + span)
    image = low + fitted.span * np.array([values])
    # Single precision rounds the normalised values, and the restored ones beside their offset.
    rounding = np.spacing(np.float32(np.abs(image).max()))
    np.testing.assert_allclose(fitted.invert(fitted.apply(image)), image, atol=1e-6 * fitted.span + rounding)


def test_a_standard_deviation_is_scaled_and_not_shifted():
    fitted = Normalization(100.0, 300.0)
    np.testing.assert_array_equal(fitted.invert([[0.5]]), [[200]])
    np.testing.assert_array_equal(fitted.invert_std([[0.5]]), [[100]])
    assert fitted.invert([[0.5]]).dtype == fitted.invert_std([[0.5]]).dtype == np.float32


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<u4", ">u4", ">i4", "<i8", ">u8", ">f4", "f8"])
def test_number_formats_make_no_difference(dtype):
    plane = np.random.default_rng(0).integers(0, 256, (32, 24))
    expected = Normalization.fit(plane)
    fitted = Normalization.fit(plane.astype(dtype))
    assert fitted == expected
    np.testing.assert_array_equal(fitted.apply(plane.astype(dtype)), expected.apply(plane))


def test_contrast_survives_a_large_offset():
    contrast = np.random.default_rng(0).integers(0, 1000, (64, 64))
    plane = (contrast + 4_000_000_000).astype("u4")
    fitted = Normalization.fit(plane)
    np.testing.assert_array_equal(fitted.apply(plane), Normalization.fit(contrast).apply(contrast))
    assert not fitted.fits_float32
    assert Normalization.fit(contrast).fits_float32
    # One without contrast has none to lose, be it at 255, as the opacity of a picture, or at 0.
    assert all(Normalization.fit(np.full((64, 64), value)).fits_float32 for value in (0, 255, 4_000_000_000))


def test_a_few_spots_on_an_even_background_fall_back_to_the_extremes():
    plane = np.full((100, 100), 50, "u2")
    plane[3, 3:6] = 900
    fitted = Normalization.fit(plane)
    assert (fitted.low, fitted.high, fitted.percentiles) == (50, 900, (0, 100))
    noisy = plane + 1e-9 * np.random.default_rng(0).standard_normal(plane.shape)
    assert Normalization.fit(noisy).high == pytest.approx(900)


def test_a_dead_pixel_that_is_marked_by_the_greatest_number_does_not_flatten_the_image():
    plane = np.random.default_rng(0).poisson(100, (64, 64)).astype("u4")
    plane[20, 30] = 2**32 - 1
    fitted = Normalization.fit(plane)
    assert fitted.percentiles == PERCENTILES
    assert (fitted.low, fitted.high) == tuple(np.percentile(plane, PERCENTILES))
    # Whether a float so large is whole tells nothing, and networks have no numbers for such a ratio.
    assert Normalization.fit(np.where(plane > 1000, 1e30, plane)).percentiles == (0, 100)


def test_a_constant_plane_becomes_zero_and_comes_back():
    fitted = Normalization.fit(np.full((16, 16), 7))
    np.testing.assert_array_equal(fitted.apply(np.full((2, 2), 7)), 0)
    np.testing.assert_array_equal(fitted.invert(np.zeros((2, 2))), 7)
    np.testing.assert_array_equal(fitted.invert_std(np.ones((2, 2))), 0)


def test_pixels_that_are_not_finite_are_passed_over():
    plane = np.arange(1001.0).reshape(7, 143)
    clean = Normalization.fit(plane)
    holes = np.pad(plane, ((0, 1), (0, 0)), constant_values=np.nan)
    assert Normalization.fit(holes) == clean
    with pytest.raises(InputError, match=r"no finite pixels.*Check the step that made it"):
        Normalization.fit(np.full((4, 4), np.nan))


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (np.nan, 1.0), (0.0, np.inf)])
def test_bounds_that_cannot_be_inverted_are_refused(low, high):
    with pytest.raises(InputError, match="finite bounds"):
        Normalization(low, high)


def fading_film():
    """Two channels of very different brightness, the second half as bright in every next frame."""
    frame = np.random.default_rng(1).uniform(0, 1, (40, 30))
    return np.stack([np.stack([100 * frame, 1e4 * frame * 0.5**t]) for t in range(3)])


def test_a_film_is_normalised_by_channel_so_that_it_does_not_flicker():
    film = fading_film()
    selection = select(resolve_axes(film.shape, "TCYX"))
    fitted = fit_normalizations(film, selection)
    assert list(fitted) == list(selection.axes.indices())
    assert fitted[0, 1] is fitted[2, 1]
    assert fitted[0, 1] != fitted[0, 0]
    low, high = np.percentile(film[:, 1], (1, 99.8))
    assert (fitted[0, 1].low, fitted[0, 1].high) == (pytest.approx(low), pytest.approx(high))


def test_each_plane_of_a_fading_stack_can_be_normalised_by_itself():
    film = fading_film()
    fitted = fit_normalizations(film, select(resolve_axes(film.shape, "TCYX")), "plane")
    assert fitted == {index: Normalization.fit(film[index]) for index in np.ndindex(3, 2)}


def test_the_order_of_the_axes_makes_no_difference():
    film = fading_film()
    fitted = fit_normalizations(film, select(resolve_axes(film.shape, "TCYX")))
    moved = np.moveaxis(film, (2, 3), (1, 0))
    again = fit_normalizations(moved, select(resolve_axes(moved.shape, "XYTC")))
    assert again[1, 1].low == pytest.approx(fitted[1, 1].low)
    assert again[1, 1].high == pytest.approx(fitted[1, 1].high)


def test_colour_samples_are_channels():
    image = np.random.default_rng(2).uniform(0, 1, (16, 12, 3)) * [1, 10, 100]
    fitted = fit_normalizations(image, select(resolve_axes(image.shape, "YXS")))
    assert fitted[0,].high < 2 < fitted[1,].high < 20 < fitted[2,].high


def test_large_stacks_are_thinned_evenly_and_reproducibly(monkeypatch):
    stack = np.random.default_rng(3).gamma(2.0, 100.0, (10, 200, 300))
    everything = select(resolve_axes(stack.shape, "ZYX"))
    exact = fit_normalizations(stack, everything)[0,]
    monkeypatch.setattr(module, "SAMPLE_SIZE", 20_000)
    thinned = fit_normalizations(stack, everything)[0,]
    assert thinned != exact
    assert thinned == fit_normalizations(stack, everything)[0,]
    assert thinned.high == pytest.approx(exact.high, rel=0.1)
    assert thinned.low == pytest.approx(exact.low, rel=0.2)


class OnlyStrips:
    """A plane that is never asked for as a whole."""

    def __init__(self, plane, most):
        self.plane, self.most, self.times = plane, most, 0

    def __getitem__(self, wanted):
        part = self.plane[wanted]
        assert part.size <= self.most
        self.times += 1
        return part


def test_extremes_of_a_large_plane_are_found_strip_by_strip(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_SIZE", 2000)
    plane = np.full((301, 100), 7.0)
    plane[300, 99], plane[0, 3], plane[44, 4] = 900.0, -2.0, np.nan
    expected = Normalization(-2.0, 900.0, (0.0, 100.0))
    strips = OnlyStrips(plane, 2000)
    assert module.fit_planes(lambda: [strips], (1, 301, 100), (0, 100)) == expected
    assert strips.times == 16  # twenty rows at a time
    assert module.fit_planes(lambda: [plane], (1, 301, 100)) == expected


def test_each_chunk_of_a_plane_is_loaded_once_for_its_extremes(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_SIZE", 2000)
    plane, loaded = np.arange(30100.0).reshape(301, 100), []
    chunked = da.from_array(plane, chunks=(150, 30)).map_blocks(
        lambda block: loaded.append(1) or block, meta=np.empty((0, 0))
    )
    fitted = fit_normalizations(chunked, select(resolve_axes(plane.shape)), percentiles=(0, 100))[()]
    assert fitted == Normalization(0, 30099, (0, 100))
    assert len(loaded) == 12


def test_thinning_never_skips_a_plane_altogether(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE_SIZE", 4)
    stack = np.stack([np.full((8, 8), z) for z in range(20)])
    fitted = fit_normalizations(stack, select(resolve_axes(stack.shape, "ZYX")))[0,]
    assert fitted.low < 1
    assert fitted.high > 18


def test_twelve_bits_of_contrast_are_the_least_beside_an_offset_of_either_sign() -> None:
    assert Normalization(2.0**24, 2.0**24 + 2 * 4096).fits_float32
    assert not Normalization(2.0**24, 2.0**24 + 2 * 4096 - 2).fits_float32
    assert not Normalization(-4e9, 1000 - 4e9).fits_float32
    # Where the spacing of float32 doubles between the two, the wider one counts.
    assert not Normalization(2.0**24 - 4096, 2.0**24 + 2).fits_float32


@pytest.mark.parametrize(("count", "told"), [(10, 0), (40, 40)])
def test_pixels_that_were_cut_off_are_told_where_they_are_more_than_a_thousandth(count, told) -> None:
    pixels = 100 + np.random.default_rng(3).exponential(400, (128, 128))
    cut = np.minimum(pixels, np.sort(pixels, axis=None)[-count])
    assert Normalization.fit(cut).saturated == told / cut.size


def test_the_camera_s_offset_does_not_decide_what_counts_as_bright() -> None:
    field = np.random.default_rng(0).normal(0, 1, (256, 256))
    field[100:105, 100:105] += 12
    plain, moved = (Normalization.fit(field + offset) for offset in (0, 1000))
    assert moved.percentiles == plain.percentiles == PERCENTILES
    assert moved.span == pytest.approx(plain.span)


@pytest.mark.parametrize("dead", [np.s_[:, 0], np.s_[:, :, 0]])
def test_a_dead_line_of_the_sensor_is_not_met_in_every_plane(monkeypatch, dead) -> None:
    stack = np.random.default_rng(0).normal(100, 10, (20, 200, 200))
    stack[dead] = 0
    monkeypatch.setattr(module, "SAMPLE_SIZE", 8000)
    assert fit_normalizations(stack, select(resolve_axes(stack.shape, "TYX")))[0,].low > 50


def test_channels_that_are_not_wanted_are_not_measured() -> None:
    film = fading_film()
    film[:, 1] = np.nan
    part = select(resolve_axes(film.shape, "TCYX"), planes={"T": 2}, channels=0)
    assert list(fit_normalizations(film, part, "whole")) == [(0, 0)]


def test_the_whole_is_measured_at_the_percentiles_that_are_asked_for() -> None:
    film = fading_film()
    axes = resolve_axes(film.shape, "TCYX")
    part = select(axes, planes={"T": 1}, channels=0)
    fitted = fit_normalizations(film, part, "whole", (5.0, 95.0))[0, 0]
    assert fitted == fit_normalizations(film, select(axes), percentiles=(5.0, 95.0))[1, 0]
    assert fitted.percentiles == (5.0, 95.0)
    # By itself, the part is measured on its own planes alone.
    assert fit_normalizations(film, part)[0, 0] == Normalization.fit(film[1, 0])
