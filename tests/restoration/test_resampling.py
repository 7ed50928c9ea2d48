"""Resampling brings pixels into the model's range, and leaves everything else where it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_cvdm.restoration import resampling
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.errors import InputError, NotFiniteError
from napari_cvdm.restoration.resampling import (
    LARGEST_FACTOR,
    SIZE_NOT_KNOWN,
    ResampledPlanes,
    Resampling,
    cautions_about_size,
    plan_resampling,
    resample_plane,
)
from napari_cvdm.restoration.restore import restore, restore_events

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


def test_rounding_costs_no_pixel_and_the_largest_factor_is_allowed() -> None:
    assert plan_resampling((100, 100), 110.0, KNOWN).new_plane_shape == (110, 110)
    assert plan_resampling((100, 50), 11.2, KNOWN).new_plane_shape == (28, 14)
    assert plan_resampling((64, 48), 400.0, KNOWN).new_plane_shape == (256, 192)


def test_what_cannot_be_mended_is_said():
    with pytest.raises(InputError, match="Check the pixel size"):
        plan_resampling((64, 64), 1000.0, KNOWN)
    with pytest.raises(InputError, match="larger region"):
        plan_resampling((28, 64), 10.0, KNOWN)
    assert plan_resampling((32, 64), 10.0, KNOWN).new_plane_shape == (8, 16)


@pytest.mark.parametrize("pixel_size", [25.0, 160.0])
def test_structures_stay_where_they_are(pixel_size):
    rows, columns = np.mgrid[:80, :64]
    centre = np.array([30.0, 41.0])
    blob = 100 * np.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / (2 * 5.0**2))
    plan = plan_resampling(blob.shape, pixel_size, KNOWN)
    small = resample_plane(blob, plan)
    for axis, (n, new) in enumerate(zip(blob.shape, plan.new_plane_shape, strict=True)):
        profile = small.sum(axis=1 - axis)
        found = (profile * np.arange(new)).sum() / profile.sum()
        assert (found + 0.5) * n / new - 0.5 == pytest.approx(centre[axis], abs=0.05)
    assert small.mean() == pytest.approx(blob.mean(), rel=0.02)  # intensities keep their units


def test_detail_is_kept_in_more_pixels_and_does_not_fold_back_in_fewer():
    stripes = np.cos(2 * np.pi * 0.3 * np.arange(80)) * np.ones((80, 1))
    smaller, larger = (plan_resampling(stripes.shape, size, KNOWN) for size in (10.0, 150.0))
    assert np.ptp(resample_plane(stripes, smaller)) < 0.2
    assert np.ptp(resample_plane(stripes, larger)) > 1.8
    said = [plan.describe()["interpolation"] for plan in (smaller, larger)]
    assert said == ["linear after Gaussian smoothing", "cubic"]


def test_every_plane_is_resampled_whatever_the_order_of_the_axes():
    image = np.random.default_rng(0).random((30, 2, 20)).astype(np.float32)
    for names, shape in (("YCX", (30, 2, 20)), ("XCY", (20, 2, 30))):
        axes = resolve_axes(shape, names)
        plan = plan_resampling(axes.plane_shape, 150.0, KNOWN)
        resampled = ResampledPlanes(image if names == "YCX" else image.T, axes, plan)
        plane = resolve_axes((45, 2, 30), names).plane(resampled, (1,))
        np.testing.assert_array_equal(plane, resample_plane(image[:, 1], plan))


def test_a_large_offset_costs_no_contrast():
    small = np.random.default_rng(0).integers(0, 200, (40, 40))
    plan = plan_resampling((40, 40), 150.0, KNOWN)
    moved = resample_plane((small + 3_000_000_000).astype(np.uint32), plan) - 3_000_000_000
    np.testing.assert_allclose(moved, resample_plane(small, plan), atol=1e-5)


@pytest.mark.parametrize("pixel_size", [10.0, 150.0])
def test_a_resampling_is_known_again_from_its_description(pixel_size):
    plan = plan_resampling((81, 64), pixel_size, KNOWN)
    shapes = {key: value for key, value in plan.describe().items() if "shape" in key}
    image = np.random.default_rng(0).random((81, 64))
    for said in (plan.describe(), shapes, shapes | {"from_pixel_size_nm": "odd"}):
        again = Resampling.from_description(said)
        assert (again.plane_shape, again.new_plane_shape) == (plan.plane_shape, plan.new_plane_shape)
        np.testing.assert_array_equal(resample_plane(image, again), resample_plane(image, plan))


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"from_plane_shape": [10, 10]},
        {"from_plane_shape": [10, 10, 10], "to_plane_shape": [20, 20, 20]},
        {"from_plane_shape": [10, 10], "to_plane_shape": [10, int(20 * LARGEST_FACTOR) + 1]},
        {"from_plane_shape": [10, 10], "to_plane_shape": [0, 10]},
        {"from_plane_shape": [-10, 10], "to_plane_shape": [-10, 10]},
        {"from_plane_shape": [10, 10], "to_plane_shape": ["a", 10]},
    ],
)
def test_a_description_that_makes_no_sense_is_refused(said):
    with pytest.raises(InputError, match="does not say clearly how it was resampled"):
        Resampling.from_description(said)


class Film:
    """Planes in a file that takes note of what is read, and is damaged at the last plane."""

    chunks = (1, 20, 16)
    dtype = np.dtype(np.uint16)

    def __init__(self, damaged: bool = False) -> None:
        self.shape, self.read, self.damaged = (6, 20, 16), [], damaged
        self._pixels = np.random.default_rng(0).poisson(100, self.shape).astype(np.uint16)

    def __getitem__(self, wanted):
        place = wanted[0]
        self.read.append(place)
        if self.damaged and place == self.shape[0] - 1:
            raise OSError("truncated")
        return self._pixels[wanted]


def test_planes_are_read_one_by_one_and_can_be_given_up(make_model):
    model = make_model()
    model = replace(model, card=replace(model.card, pixel_size_nm=KNOWN))
    film = Film()

    def stop() -> None:
        if len(film.read) == 3:
            raise KeyboardInterrupt

    settings = {"axes": "TYX", "pixel_size": 150.0, "preview": True, "resample": True}
    events = restore_events(film, model, checkpoint=stop, **settings)
    assert film.read == []
    with pytest.raises(KeyboardInterrupt):
        list(events)
    assert film.read == [0, 1, 2]
    with pytest.raises(InputError, match="could not be read"):
        list(restore_events(Film(damaged=True), model, **settings))


def test_a_single_image_is_resampled_once(make_model, monkeypatch):
    model = make_model()
    model = replace(model, card=replace(model.card, pixel_size_nm=KNOWN))
    image = np.random.default_rng(0).poisson(10, (2, 40, 32)).astype(np.uint16)
    image[:, 10:14, 10:14] = 900  # so bright and small that intensities are measured twice
    calls = []
    monkeypatch.setattr(
        resampling, "resample_plane", lambda *given: calls.append(given) or resample_plane(*given)
    )
    settings = {"pixel_size": 150.0, "preview": True, "resample": True}
    film = restore(image, model, axes="TYX", normalize="plane", **settings)
    del calls[:]
    for plane, expected in zip(image, film.mean, strict=True):
        np.testing.assert_array_equal(restore(plane, model, **settings).mean, expected)
    assert len(calls) == 2


def test_a_restoration_says_that_it_resampled(image, make_model):
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
    fitting = restore(plane, model, pixel_size=65.0, preview=True, resample=True)
    assert (fitting.mean.shape, fitting.provenance["resampling"]) == ((40, 32), None)


def test_a_pixel_that_is_not_finite_is_not_spread_over_a_region_without_it(image, make_model):
    model = make_model()
    model = replace(model, card=replace(model.card, pixel_size_nm=KNOWN))
    plane = np.array(image[:20, :16] if image.ndim == 2 else image[0, :20, :16], float)
    plane[19, 15] = np.nan
    words = r"1 pixel .* at index \(19, 15\)\. Images are resampled as a whole.* region does not help"
    with pytest.raises(InputError, match=words) as refusal:
        restore(plane, model, pixel_size=150.0, preview=True, resample=True, region=((0, 10), (0, 10)))
    assert not isinstance(refusal.value, NotFiniteError)  # for which a viewer advises a region


@pytest.mark.parametrize("pixel_size", [20.0, 150.0])
@pytest.mark.parametrize("normalize", ["plane", "whole"])
def test_saturation_is_looked_for_before_resampling_blurs_it(image, make_model, pixel_size, normalize):
    model = make_model()
    model = replace(model, card=replace(model.card, pixel_size_nm=KNOWN))
    plane = image if image.ndim == 2 else image[0]
    film = np.stack([np.minimum(plane, np.percentile(plane, 95)).astype(plane.dtype)] * 3)
    result = restore(
        film, model, axes="TYX", pixel_size=pixel_size, preview=True, resample=True, planes={"T": [0, 2]},
        normalize=normalize,
    )  # fmt: skip
    measured = result.provenance["normalisation"]
    assert [each["planes"] for each in measured] == [2] if normalize == "whole" else [1, 1]
    assert all(each["saturated"] == pytest.approx(0.051, abs=5e-4) for each in measured)
    assert [words for words in result.provenance["warnings"] if words.startswith("5.1 % of the pixels")]


@pytest.mark.parametrize("known", [KNOWN, None])
def test_what_has_no_pixel_size_is_not_resampled_in_silence(image, make_model, known):
    model = make_model()
    model = replace(model, card=replace(model.card, pixel_size_nm=known))
    plane = image if image.ndim == 2 else image[0]
    with pytest.raises(InputError, match=r"pixel size is not known.*--pixel-size"):
        restore(plane, model, preview=True, resample=True)


def test_a_size_that_could_not_be_compared_is_told():
    assert cautions_about_size(None, KNOWN) == [SIZE_NOT_KNOWN]
    assert cautions_about_size(None, None) == cautions_about_size(65.0, KNOWN) == []
