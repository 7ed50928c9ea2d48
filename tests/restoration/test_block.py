"""Blocks: cut on one grid, restored with a halo, the pixels of the whole plane."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration.block import Sampling, plan_blocks, plan_window, restore_block, spans
from napari_cvdm.restoration.described import Region
from napari_cvdm.restoration.errors import NotFiniteError
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.plane import PlaneRestorer
from napari_cvdm.restoration.posterior import Calibration, PosteriorSettings
from napari_cvdm.restoration.restore import restore
from napari_cvdm.restoration.tiling import pad_by_reflection, plan_padding

ONE = Normalization(0.0, 1.0)


def sampling(draws: int = 2, steps: int = 2, seed: int = 0) -> Sampling:
    return Sampling(draws, steps, seed, PosteriorSettings(), None)


def engine(model: PretrainedModel) -> PlaneRestorer:
    return PlaneRestorer(model.network, torch.device("cpu"), "auto", PosteriorSettings())


def restored(
    model: PretrainedModel, plane: NDArray[np.float32], block: Region, halo: int, *, number: int = 0
) -> NDArray[np.float32]:
    window = plan_window(block, plane.shape, halo, model.network.granularity)
    rows, columns = window.source_rows, window.source_columns
    pixels = plane[rows.start : rows.stop, columns.start : columns.stop]
    return restore_block(engine(model), pixels, window, plane=number, normalization=ONE, sampling=sampling())


class TestGrid:
    @pytest.mark.parametrize("length", [1, 63, 64, 65, 79, 80, 128, 140, 150, 1000])
    def test_covers_an_axis_once_with_blocks_of_like_size(self, length: int) -> None:
        found = spans(length, 64)
        assert sum(found) == length
        assert set(found[:-1]) <= {64}
        assert min(length, 16) <= found[-1] < 80

    def test_covers_every_pixel_of_a_plane_once(self) -> None:
        count = np.zeros((150, 70), int)
        for block in plan_blocks(Region(range(150), range(70)), 32):
            count[block.rows.start : block.rows.stop, block.columns.start : block.columns.stop] += 1
        assert (count == 1).all()


class TestWindow:
    @pytest.mark.parametrize("shape", [(8, 9), (33, 50), (90, 121)])
    @pytest.mark.parametrize("halo", [0, 5, 16, 200])
    def test_is_what_the_padded_plane_shows_there(self, shape: tuple[int, int], halo: int) -> None:
        plane = np.random.default_rng(0).random(shape, dtype=np.float32)
        whole = plan_padding(*shape, 4)
        padded = pad_by_reflection(torch.from_numpy(plane), whole).numpy()
        for block in plan_blocks(Region(*map(range, shape)), 16):
            window = plan_window(block, shape, halo, 4)
            assert window.rows.start % 4 == window.columns.stop % 4 == 0
            rows, columns = window.source_rows, window.source_columns
            filled = window.fill(plane[rows.start : rows.stop, columns.start : columns.stop])
            top, left = (own.start - all_.start for own, all_ in zip(
                (window.rows, window.columns), (whole.rows, whole.columns), strict=True
            ))  # fmt: skip
            np.testing.assert_array_equal(
                filled, padded[top : top + len(window.rows), left : left + len(window.columns)]
            )

    def test_ends_where_its_surroundings_are_not_finite_as_at_the_border_of_a_plane(self) -> None:
        plane = np.random.default_rng(0).random((60, 70), dtype=np.float32)
        block = Region(range(20, 36), range(24, 40))
        window = plan_window(block, plane.shape, 16, 4)
        framed = plane.copy()
        framed[:8], framed[:, 48:], framed[40, 26] = np.nan, np.inf, np.nan
        framed[12, 10] = -np.inf  # beside the block in neither direction
        rows, columns = window.source_rows, window.source_columns
        pixels = framed[rows.start : rows.stop, columns.start : columns.stop]
        window.check_block(pixels, "")
        filled = window.fill(pixels)
        # Rows 13 to 39 and columns 8 to 47 are what remains of rows 4 to 51 and columns 8 to 55.
        inner = plane[13:40, 8:48]
        expected = np.pad(inner, ((13 - 4, 52 - 40), (0, 56 - 48)), mode="reflect")
        np.testing.assert_array_equal(filled, expected)

    @pytest.mark.parametrize("unusable", [np.nan, np.inf])
    def test_refuses_a_block_that_is_not_finite_and_says_where_in_the_plane(self, unusable: float) -> None:
        window = plan_window(Region(range(20, 36), range(24, 40)), (60, 70), 16, 4)
        pixels = np.zeros((len(window.source_rows), len(window.source_columns)))
        pixels[35 - window.source_rows.start, 24 - window.source_columns.start] = unusable
        with pytest.raises(NotFiniteError, match=r"at index \(35, 24\) of plane 3\."):
            window.check_block(pixels, " of plane 3")

    def test_reaches_as_far_as_the_halo_or_the_margin(self) -> None:
        window = plan_window(Region(range(64, 128), range(128)), (500, 128), 30, 4)
        assert (window.rows, window.source_rows) == (range(32, 160), range(32, 160))
        assert (window.columns, window.source_columns) == (range(-16, 144), range(128))

    def test_crops_the_block_out_of_its_fine_grid(self) -> None:
        window = plan_window(Region(range(64, 100), range(8, 24)), (500, 128), 30, 4)
        rows, columns = (
            torch.arange(axis.start * 2, axis.stop * 2) for axis in (window.rows, window.columns)
        )
        cropped = window.crop_fine(rows[:, None] * 1000 + columns[None], 2)
        expected = torch.arange(128, 200)[:, None] * 1000 + torch.arange(16, 48)[None]
        assert torch.equal(cropped, expected)


class TestRestoring:
    def test_with_a_sufficient_halo_gives_the_pixels_of_the_whole(self, model: PretrainedModel) -> None:
        plane = np.random.default_rng(0).random((70, 150), dtype=np.float32)
        network = model.network
        halo = network.receptive_field + 2 * network.noise_network.receptive_field
        whole = restored(model, plane, Region(range(70), range(150)), 0)
        for columns in (range(48), range(48, 80), range(80, 150)):
            part = restored(model, plane, Region(range(20, 70), columns), halo)
            expected = whole[:, 40:, 2 * columns.start : 2 * columns.stop]
            np.testing.assert_allclose(part, expected, rtol=0, atol=1e-5 * float(np.ptp(whole)))

    def test_in_several_orientations_gives_the_pixels_of_the_whole_too(self, model: PretrainedModel) -> None:
        plane = np.random.default_rng(0).random((70, 150), dtype=np.float32)
        settings = PosteriorSettings(orientations=4)
        turning = PlaneRestorer(model.network, torch.device("cpu"), "auto", settings)
        halo = model.network.receptive_field + 2 * model.network.noise_network.receptive_field
        pairs, told = [], list[float]()
        for block, reach in (
            (Region(range(70), range(150)), 0),
            (Region(range(20, 70), range(48, 80)), halo),
        ):
            window = plan_window(block, plane.shape, reach, model.network.granularity)
            rows, columns = window.source_rows, window.source_columns
            pairs.append(
                restore_block(
                    turning,
                    plane[rows.start : rows.stop, columns.start : columns.stop],
                    window,
                    plane=0,
                    normalization=ONE,
                    sampling=replace(sampling(), settings=settings),
                    report=told.append,
                )
            )
        whole, part = pairs
        expected = whole[:, 40:, 96:160]
        np.testing.assert_allclose(part, expected, rtol=0, atol=1e-5 * float(np.ptp(whole)))
        plain = restored(model, plane, Region(range(70), range(150)), 0)
        assert np.abs(whole - plain).max() > 1e-2 * np.ptp(whole)
        # Three more passes, which count twice, and twice two steps.
        assert told == pytest.approx([share / 10 for share in (2, 4, 6, 7, 8, 9, 10)] * 2)

    def test_without_one_does_not(self, model: PretrainedModel) -> None:
        plane = np.random.default_rng(0).random((32, 96), dtype=np.float32)
        whole = restored(model, plane, Region(range(32), range(96)), 0)
        part = restored(model, plane, Region(range(32), range(48, 80)), 0)
        assert np.abs(part - whole[:, :, 96:160]).max() > 1e-2 * np.ptp(whole)

    def test_of_a_whole_plane_is_that_of_restore(
        self, model: PretrainedModel, image: NDArray[np.uint16]
    ) -> None:
        expected = restore(image, model, draws=3, steps=2, device="cpu")
        window = plan_window(Region(range(33), range(50)), image.shape, 0, model.network.granularity)
        pair = restore_block(
            engine(model),
            image,
            window,
            plane=0,
            normalization=Normalization.fit(image),
            sampling=sampling(3),
        )
        np.testing.assert_allclose(pair, [expected.mean, expected.std], rtol=1e-5)

    def test_noise_is_that_of_the_plane(self, model: PretrainedModel) -> None:
        plane = np.random.default_rng(0).random((32, 32), dtype=np.float32)
        block = Region(range(32), range(32))
        first, again, other = (restored(model, plane, block, 0, number=n) for n in (0, 0, 1))
        assert np.array_equal(first, again)
        assert not np.allclose(first[1], other[1])

    @pytest.mark.parametrize(("calibration", "std"), [(None, 0.1), (Calibration((0.2,), (0.3,)), 0.15)])
    def test_without_draws_gives_the_mean_networks_picture_of_one_pass(
        self, simple_model: PretrainedModel, calibration: Calibration | None, std: float
    ) -> None:
        plane, told = np.random.default_rng(0).random((16, 16), dtype=np.float32), list[float]()
        settings = PosteriorSettings(orientations=4)
        pair = restore_block(
            PlaneRestorer(simple_model.network, torch.device("cpu"), "auto", settings),
            plane,
            plan_window(Region(range(16), range(16)), (16, 16), 0, 4),
            plane=0,
            normalization=ONE,
            sampling=Sampling(0, 0, 0, settings, calibration),
            report=told.append,
        )
        np.testing.assert_allclose(pair[0], plane.repeat(2, 0).repeat(2, 1), rtol=1e-6)
        np.testing.assert_allclose(pair[1], std, rtol=1e-6)
        assert not told
