"""Resampling brings pixels into the model's range, and leaves everything else where it was."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.resampling import plan_resampling, resample_image, resample_plane
from napari_cvdm.restoration.restore import restore

KNOWN = (40.0, 100.0)


@pytest.mark.parametrize("pixel_size", [None, 40.0, 65.0, 100.0])
def test_a_known_pixel_size_is_left_alone(pixel_size):
    assert plan_resampling((64, 48), pixel_size, KNOWN) is None
    assert plan_resampling((64, 48), 200.0, None) is None


@pytest.mark.parametrize("pixel_size", [10.0, 33.3, 39.9, 100.1, 130.0, 399.0])
@pytest.mark.parametrize("shape", [(64, 48), (101, 333)])
def test_the_new_pixel_size_is_in_range_and_the_field_stays(pixel_size, shape):
    plan = plan_resampling(shape, pixel_size, KNOWN)
    for before, after in zip(shape, plan.new_plane_shape, strict=True):
        assert KNOWN[0] <= pixel_size * before / after <= KNOWN[1]
    assert KNOWN[0] <= plan.new_pixel_size <= KNOWN[1]
    area = plan.new_pixel_size**2 * np.prod(plan.new_plane_shape)
    assert area == pytest.approx(pixel_size**2 * np.prod(shape))


def test_what_cannot_be_mended_is_said():
    with pytest.raises(InputError, match="Check the pixel size"):
        plan_resampling((64, 64), 1000.0, KNOWN)
    with pytest.raises(InputError, match="larger region"):
        plan_resampling((16, 16), 10.0, KNOWN)


@pytest.mark.parametrize("pixel_size", [25.0, 160.0])
def test_structures_stay_where_they_are(pixel_size):
    rows, columns = np.mgrid[:80, :64]
    centre = np.array([30.0, 41.0])
    blob = 100 * np.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / (2 * 5.0**2))
    plan = plan_resampling(blob.shape, pixel_size, KNOWN)
    small = resample_plane(blob, plan)
    assert small.dtype == np.float32
    for axis, (n, new) in enumerate(zip(blob.shape, plan.new_plane_shape, strict=True)):
        profile = small.sum(axis=1 - axis)
        found = (profile * np.arange(new)).sum() / profile.sum()
        assert (found + 0.5) * n / new - 0.5 == pytest.approx(centre[axis], abs=0.05)
    assert small.mean() == pytest.approx(blob.mean(), rel=0.02)  # intensities keep their units


def test_every_plane_is_resampled_whatever_the_order_of_the_axes():
    image = np.random.default_rng(0).random((30, 2, 20)).astype(np.float32)
    axes = resolve_axes(image.shape, "YCX")
    plan = plan_resampling(axes.plane_shape, 150.0, KNOWN)
    resampled = resample_image(image, axes, plan)
    assert resampled.shape == (45, 2, 30)
    np.testing.assert_array_equal(resampled[:, 1], resample_plane(image[:, 1], plan))


def test_a_restoration_says_that_it_resampled(image, make_model):
    from dataclasses import replace

    model = make_model()
    model = replace(model, card=replace(model.card, pixel_size_nm=KNOWN))
    plane = image[:20, :16] if image.ndim == 2 else image[0, :20, :16]
    result = restore(plane, model, pixel_size=150.0, preview=True, resample=True)
    assert result.mean.shape == (60, 48)
    assert result.pixel_size == pytest.approx(100.0)
    assert result.restored_pixel_size == pytest.approx(50.0)
    assert result.provenance["resampling"]["from_pixel_size_nm"] == 150
    assert result.provenance["resampling"]["to_plane_shape"] == [30, 24]
    assert not [words for words in result.provenance["warnings"] if "outside" in words]
    plain = restore(plane, model, pixel_size=150.0, preview=True)
    assert plain.provenance["resampling"] is None
    assert [words for words in plain.provenance["warnings"] if "outside" in words]
