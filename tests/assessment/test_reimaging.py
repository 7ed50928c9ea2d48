"""The second imaging model: its optics have the widths they state, and its camera the noise."""

import dataclasses

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from napari_cvdm.assessment.baselines import enlarge
from napari_cvdm.assessment.reimaging import (
    STRUCTURES,
    Microscope,
    airy_psf,
    disc_psf,
    load_sharp,
    reimage,
    reimaged_fields,
)
from napari_cvdm.restoration.errors import InputError

RNG = np.random.default_rng(0)
SHARP = gaussian_filter(RNG.random((160, 150)), 2) * 300
QUIET = Microscope(haze=0, background=0, photons=8e3, read_noise=0)


@pytest.mark.parametrize("fwhm", [4.0, 6.5, 9.0])
def test_airy_pattern_has_its_width_and_its_dark_ring(fwhm):
    psf = airy_psf(fwhm)
    profile = psf[psf.shape[0] // 2, psf.shape[1] // 2 :] / psf.max()
    crossing = np.interp(-0.5, -profile[: int(fwhm)], np.arange(int(fwhm)))
    assert 2 * crossing == pytest.approx(fwhm, rel=0.03)
    assert psf.sum() == pytest.approx(1)
    np.testing.assert_allclose(psf, psf.T)
    # The first dark ring lies at 3.8317 of the 1.6163 at which half the maximum is reached.
    dark = 3.8317 / 1.61634 * fwhm / 2
    assert profile[round(dark)] < 0.004
    assert profile[round(1.34 * dark)] > 0.01


def test_disc_is_even_and_sharp():
    disc = disc_psf(6)
    assert disc.sum() == pytest.approx(1)
    assert disc[6, 6] == disc[6, 10]
    assert disc[0, 0] == 0
    assert np.count_nonzero(disc) == pytest.approx(np.pi * 6.5**2, rel=0.1)


def test_light_is_kept_and_registered():
    widefield, truth = reimage(SHARP, QUIET, np.random.default_rng(1), side=48)
    assert truth.shape == (96, 96)
    np.testing.assert_array_equal(truth, SHARP[32:128, 27:123])
    blurred = enlarge(widefield.astype(float))
    inner = np.s_[16:-16, 16:-16]
    best = max(
        (np.corrcoef(np.roll(blurred, shift, (0, 1))[inner].ravel(), truth[inner].ravel())[0, 1], shift)
        for shift in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    )
    assert best[1] == (0, 0)


def test_photons_are_the_bright_end_and_noise_is_poissons():
    even = np.full((200, 200), 7.0)
    widefield, _ = reimage(
        even, Microscope(photons=400, haze=0, background=0, read_noise=3), np.random.default_rng(2)
    )
    electrons = (widefield.astype(float) - 100) / 2.2
    assert electrons.mean() == pytest.approx(400, rel=0.01)
    assert electrons.var() == pytest.approx(400 + 9, rel=0.05)
    full, _ = reimage(even, Microscope(photons=1e5), np.random.default_rng(2))
    assert (full == 65535).all()


def test_the_background_rises_to_one_side_about_its_mean():
    even, microscope = (
        np.full((192, 192), 7.0),
        Microscope(photons=1000, haze=0, background=0.3, read_noise=0),
    )
    electrons = (reimage(even, microscope, np.random.default_rng(2))[0].astype(float) - 100) / 2.2
    rows, columns = np.mgrid[-1:1:96j, -1:1:96j]
    design = np.stack([np.ones(96**2), rows.ravel(), columns.ravel()], axis=1)
    mean, down, right = np.linalg.lstsq(design, electrons.ravel(), rcond=None)[0]
    assert mean == pytest.approx(1000 + 300, rel=0.01)
    assert np.hypot(down, right) == pytest.approx(0.4 * 300, rel=0.05)


def test_haze_and_background_add_light_without_detail():
    plain, hazy = (
        reimage(SHARP, microscope, np.random.default_rng(3), side=48)[0].astype(float)
        for microscope in (QUIET, Microscope(photons=8e3, haze=1.5, background=0.2, read_noise=0))
    )
    assert hazy.mean() - 100 > 2 * (plain.mean() - 100)
    assert hazy.std() / hazy.mean() < 0.8 * plain.std() / plain.mean()


@pytest.fixture
def folder(tmp_path):
    for structure in STRUCTURES:
        (tmp_path / structure).mkdir()
        for number in (1, 2):
            picture = np.clip(RNG.normal(60, 20, (100, 100)), 0, 255).astype(np.uint8)
            Image.fromarray(picture).save(tmp_path / structure / f"{number:02d}.png")
    return tmp_path


def test_fields_are_the_same_each_time_and_differ_from_each_other(folder):
    once, again = (list(reimaged_fields(folder, (1, 2), (30, 300), side=32)) for _ in range(2))
    assert len(once) == 16
    assert {field.structure for field in once} == set(STRUCTURES)
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one.widefield, other.widefield)
        assert one.microscope == other.microscope
    assert len({dataclasses.replace(field.microscope, photons=0) for field in once}) == 16
    assert {field.microscope.photons for field in once} == {30, 300}
    # The numbers of a field do not depend on what else is asked for.
    alone = next(reimaged_fields(folder, (2,), (30,), side=32))
    same = next(f for f in once if (f.structure, f.number, f.microscope.photons) == (alone.structure, 2, 30))
    np.testing.assert_array_equal(alone.widefield, same.widefield)


def test_levels_of_one_microscope_differ_in_photons_alone(folder):
    fields = list(reimaged_fields(folder, (1, 2), (30, 3000), side=32, same_microscope=True))
    for few, many in zip(fields[::2], fields[1::2], strict=True):
        assert (few.structure, few.number) == (many.structure, many.number)
        assert dataclasses.replace(few.microscope, photons=3000) == many.microscope
        np.testing.assert_array_equal(few.truth, many.truth)
    assert len({field.microscope for field in fields}) == 16


def test_an_image_is_prepared_before_it_is_imaged(folder):
    kept, doubled = (
        next(reimaged_fields(folder, (1,), (300,), side=32, prepare=prepare))
        for prepare in (lambda sharp: sharp, lambda sharp: 2 * sharp)
    )
    assert doubled.microscope == kept.microscope
    np.testing.assert_array_equal(doubled.truth, 2 * kept.truth)


def test_faults_are_named(folder):
    with pytest.raises(InputError, match="There is no image"):
        load_sharp(folder, "er", 7)
    assert reimage(SHARP, QUIET, np.random.default_rng(0), side=75)[1].shape == (150, 150)
    with pytest.raises(InputError, match="needs 400 × 400 pixels, not 150"):
        reimage(SHARP, QUIET, np.random.default_rng(0), side=200)
