"""Real images as structures: what is slow goes, what is thin stays, and the blur they carry is known."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from napari_cvdm.simulation.micrographs import (
    BIOSR,
    Micrograph,
    Variety,
    cut_density,
    load_micrographs,
    remove_background,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images 1 and 2 of each structure: a thin diagonal line and grains over a slope."""
    rng = np.random.default_rng(0)
    for structure in BIOSR:
        (tmp_path / structure).mkdir()
        for number in (1, 2):
            pixels = np.linspace(10, 90, 96)[None, :] + rng.uniform(0, 5, (96, 96))
            np.fill_diagonal(pixels, 250 if number == 1 else 200)
            PillowImage.fromarray(pixels.astype(np.uint8)).save(tmp_path / structure / f"{number:02d}.png")
    return tmp_path


class TestRemoveBackground:
    def test_removes_a_slow_ramp_and_keeps_a_thin_line(self) -> None:
        ramp = np.linspace(20, 120, 200, dtype=np.float32)[None, :].repeat(200, axis=0)
        image = ramp.copy()
        image[99:102] += 60
        cleared = remove_background(image, 33.0)
        assert cleared.dtype == np.float32
        assert cleared.min() == 0
        beside = np.delete(cleared, np.s_[90:112], axis=0)[:, 20:-20]
        assert beside.max() < 0.2 * 60
        line = cleared[99:102, 20:-20].mean(axis=0) - cleared[60:80, 20:-20].mean(axis=0)
        assert line.min() > 0.9 * 60
        assert np.ptp(line) < 0.1 * 60

    def test_removes_the_level_of_a_noisy_background(self) -> None:
        image = np.random.default_rng(1).normal(50, 5, (150, 150)).astype(np.float32)
        cleared = remove_background(np.maximum(image, 0), 31.0)
        assert cleared.mean() < 6
        assert np.percentile(cleared, 15) == 0

    def test_a_wide_structure_is_background_and_a_narrow_one_is_not(self) -> None:
        rows, columns = np.indices((160, 160)) - 80

        def kept(sigma: float) -> float:
            image = 100 * np.exp(-(rows**2 + columns**2) / (2 * sigma**2)).astype(np.float32)
            return float(remove_background(image, 21.0).max())

        assert kept(2.0) > 90
        assert kept(60.0) < 15


class TestLoadMicrographs:
    def test_loads_the_numbers_of_every_structure(self, folder: Path) -> None:
        found = load_micrographs(folder, range(1, 3))
        assert [m.name for m in found] == [f"{s}/{n:02d}" for s in BIOSR for n in (1, 2)]
        assert {m.name.split("/")[0]: (m.pixel_nm, m.sigma_nm) for m in found} == BIOSR
        assert [m.name for m in load_micrographs(folder, range(2, 3))] == [f"{s}/02" for s in BIOSR]

    def test_densities_are_scaled_and_free_of_background(self, folder: Path) -> None:
        for micrograph in load_micrographs(folder, range(1, 3)):
            density = micrograph.density
            assert density.shape == (96, 96)
            assert density.dtype == np.float32
            assert density.min() == 0
            # The slope went from 10 to 90 grey levels, the line stands about 150 above it.
            assert density[60:90, 10:30].mean() < 0.1
            assert np.diagonal(density)[10:-10].min() > 0.5
            assert np.percentile(density, 99.5) == pytest.approx(1, abs=0.05)

    def test_a_few_spots_are_no_more_than_five_times_as_bright_as_most_structure(self, folder: Path) -> None:
        pixels = np.full((96, 96), 20, np.uint8)
        pixels[40:43, 40:43] = 250
        PillowImage.fromarray(pixels).save(folder / "er" / "01.png")
        (spots,) = (m for m in load_micrographs(folder, range(1, 2)) if m.name == "er/01")
        assert spots.density.max() == pytest.approx(5)

    def test_structure_and_background_make_up_the_image(self, folder: Path) -> None:
        for micrograph in load_micrographs(folder, range(1, 3)):
            raw = np.asarray(PillowImage.open(folder / f"{micrograph.name}.png"), np.float32)
            background = micrograph.background
            assert background is not None
            assert background.dtype == np.float32
            assert background.min() == 0
            whole = micrograph.density + background
            assert np.corrcoef(whole.ravel(), raw.ravel())[0, 1] > 0.999
            # The slope is in the background, and the line is not.
            assert np.corrcoef(background[:, 20:-20].mean(axis=0), raw[:, 20:-20].mean(axis=0))[0, 1] > 0.9
            line, beside = np.diagonal(background)[20:-20], np.diagonal(background, 9)[20:-20]
            assert abs(float(line.mean() - beside[: line.size].mean())) < 0.1

    @pytest.mark.parametrize("missing", ["er/02.png", "microtubules/01.png"])
    def test_missing_file(self, folder: Path, missing: str) -> None:
        (folder / missing).unlink()
        with pytest.raises(
            FileNotFoundError, match=rf"no micrograph at .*{missing}; name the folder .*--micrographs"
        ):
            load_micrographs(folder, range(1, 3))

    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="no micrograph at"):
            load_micrographs(tmp_path / "nowhere", range(1, 3))


def spot(pixel_nm: float, sigma_nm: float, side: int = 121) -> Micrograph:
    rows, columns = np.indices((side, side)) - side // 2
    sigma = sigma_nm / pixel_nm
    density = np.exp(-(rows**2 + columns**2) / (2 * sigma**2)).astype(np.float32)
    return Micrograph("spot", density, pixel_nm, sigma_nm)


class TestCutDensity:
    @pytest.mark.parametrize(("pixel_nm", "sigma_nm"), [(20.9, 40.0), (31.3, 90.0), (60.0, 120.0)])
    def test_the_blur_it_states_is_the_blur_it_carries(self, pixel_nm: float, sigma_nm: float) -> None:
        size = round(121 * pixel_nm / 32.5)
        density, sigma = cut_density(np.random.default_rng(0), spot(pixel_nm, sigma_nm), size, zoom=(1, 1))
        rows, columns = np.indices(density.shape)
        weight = density.astype(float) / density.sum()
        row, column = (weight * rows).sum(), (weight * columns).sum()
        measured = np.sqrt((weight * ((rows - row) ** 2 + (columns - column) ** 2)).sum() / 2)
        assert sigma == pytest.approx(measured, rel=0.06)
        assert sigma >= sigma_nm / 32.5  # the guard against aliasing can only add

    def test_magnification_widens_structure_and_blur_alike(self) -> None:
        micrograph = spot(31.3, 90.0)
        _, small = cut_density(np.random.default_rng(0), micrograph, 100, zoom=(1.1, 1.1))
        _, large = cut_density(np.random.default_rng(0), micrograph, 100, zoom=(2.2, 2.2))
        assert large == pytest.approx(2 * small, rel=1e-6)

    @pytest.mark.parametrize("size", [40, 90, 260])
    def test_has_the_size_asked_for_even_beyond_the_image(self, size: int) -> None:
        texture = np.random.default_rng(1).random((100, 100), np.float32) + 0.5
        micrograph = Micrograph("texture", texture, 31.3, 42.0)
        density, sigma = cut_density(np.random.default_rng(2), micrograph, size)
        assert density.shape == (size, size)
        assert density.dtype == np.float32
        assert density.flags.c_contiguous
        assert density.min() > 0.3  # continued by reflection, not with black
        assert sigma > 0

    def test_the_generator_decides_place_and_orientation(self) -> None:
        texture = np.random.default_rng(1).random((160, 160), np.float32)
        micrograph = Micrograph("texture", texture, 31.3, 42.0)
        cuts = [cut_density(np.random.default_rng(s), micrograph, 60, zoom=(1, 1))[0] for s in (0, 0, 1, 2)]
        assert np.array_equal(cuts[0], cuts[1])
        assert not np.array_equal(cuts[0], cuts[2])
        assert not np.array_equal(cuts[2], cuts[3])

    def test_all_eight_orientations_occur(self) -> None:
        corners = np.zeros((64, 64), np.float32)
        corners[2:20, 2:10] = 1  # a bar that no rotation or reflection leaves as it was
        micrograph = Micrograph("bar", corners, 32.5, 42.0)
        seen = set()
        for seed in range(60):
            density, _ = cut_density(np.random.default_rng(seed), micrograph, 64, zoom=(1, 1))
            rows, columns = np.nonzero(density > 0.5)
            seen.add((rows.mean() > 32, columns.mean() > 32, bool(np.ptp(rows) > np.ptp(columns))))
        assert len(seen) == 8

    def test_a_share_of_the_background_stays_in(self) -> None:
        density = np.zeros((64, 64), np.float32)
        micrograph = Micrograph("flat", density, 32.5, 42.0, np.full((64, 64), 2.0, np.float32))
        levels = [
            float(
                cut_density(
                    np.random.default_rng(seed), micrograph, 40, zoom=(1, 1), kept_background=(0.1, 0.5)
                )[0].mean()
            )
            for seed in range(40)
        ]
        assert 0.2 <= min(levels) < 0.4
        assert 0.8 < max(levels) <= 1.0
        assert cut_density(np.random.default_rng(0), micrograph, 40)[0].max() == 0

    def test_even_light_can_be_left_out(self) -> None:
        density = np.full((60, 60), 0.4, np.float32)
        density[20:40, 20:40] += 0.5
        micrograph = Micrograph("er/01", density, 32.5, 40.0)
        with_it, without = (
            cut_density(np.random.default_rng(1), micrograph, 40, zoom=(1, 1), even_light=even)[0]
            for even in (True, False)
        )
        np.testing.assert_allclose(without, with_it - 0.4, atol=1e-6)
        assert without.min() == 0


class TestVariety:
    def cut(self, variety: Variety | None, seed: int = 0, density: np.ndarray | None = None) -> np.ndarray:
        """Cut a field of 96 fine pixels out of an image with one line along its rows."""
        if density is None:
            density = np.zeros((256, 256), np.float32)
            density[::16] = 1
        micrograph = Micrograph("er/01", density, 32.5, 40.0)
        field, _ = cut_density(np.random.default_rng(seed), micrograph, 96, zoom=(1, 1), variety=variety)
        assert field.shape == (96, 96)
        assert field.dtype == np.float32
        assert field.flags.c_contiguous
        return field

    def direction(self, field: np.ndarray) -> float:
        """Angle of the strongest frequency, degrees from 0 to 180."""
        spectrum = abs(np.fft.fft2((field - field.mean()) * np.outer(np.hanning(96), np.hanning(96))))
        row, column = np.unravel_index(np.argmax(spectrum), spectrum.shape)
        frequencies = np.fft.fftfreq(96)
        return float(np.degrees(np.arctan2(frequencies[row], frequencies[column])) % 180)

    def test_turned_by_any_angle_or_by_quarters(self) -> None:
        quarters = {
            round(self.direction(self.cut(Variety(stretch=1e-9), seed)) / 90) % 2 for seed in range(9)
        }
        assert quarters == {0, 1}
        angles = [self.direction(self.cut(Variety(any_angle=True), seed)) for seed in range(30)]
        counts = np.histogram(angles, bins=4, range=(0, 180))[0]
        assert counts.min() >= 3

    def test_contrast_is_a_power_that_leaves_what_is_bright(self) -> None:
        rng = np.random.default_rng(1)
        density = rng.uniform(0, 1, (256, 256)).astype(np.float32).repeat(4, 0).repeat(4, 1)[:256, :256]
        plain = self.cut(Variety(any_angle=True), density=density)
        softer = self.cut(Variety(any_angle=True, contrast=(0.5, 0.5)), density=density)
        top = np.percentile(plain, 99.5)
        np.testing.assert_allclose(softer.max(), plain.max(), rtol=0.02)
        # The same place: its power is drawn last but for the mirror.
        order = np.sort(plain.ravel()), np.sort(softer.ravel())
        np.testing.assert_allclose(order[1], top * (order[0] / top) ** 0.5, atol=1e-4)

    def test_a_mirror_image_is_laid_over_some(self) -> None:
        plain = [self.cut(Variety(any_angle=True), seed).sum() for seed in range(20)]
        denser = [self.cut(Variety(any_angle=True, overlaid_share=0.5), seed).sum() for seed in range(20)]
        ratio = np.array(denser) / plain
        overlaid = ratio > 1.1
        assert 4 <= overlaid.sum() <= 16
        assert ratio.max() < 2.3
        np.testing.assert_allclose(ratio[~overlaid], 1, rtol=0.05)

    def test_stretched_along_one_axis_and_squeezed_along_the_other(self) -> None:
        def period(field: np.ndarray) -> float:
            power = abs(np.fft.fft2(field - field.mean(), s=(1024, 1024)))
            row, column = np.unravel_index(np.argmax(power), power.shape)
            return float(1 / np.hypot(np.fft.fftfreq(1024)[row], np.fft.fftfreq(1024)[column]))

        periods = [period(self.cut(Variety(stretch=0.3), seed)) for seed in range(24)]
        assert period(self.cut(Variety(any_angle=True))) == pytest.approx(16, rel=0.03)
        assert np.std(np.log(np.array(periods) / 16)) == pytest.approx(0.15, rel=0.5)
