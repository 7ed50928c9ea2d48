"""A speed is measured on a tile, and counted up to a run."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from napari_cvdm.restoration.errors import DeviceError
from napari_cvdm.restoration.timing import MEASURED_SIDE, Speed, forecast, measure_speed

SPEED = Speed(first_pass=2e-6, step=1e-6, tile=500, halo=50, steps=6, device="cpu")


def test_a_measured_speed_is_time_for_each_pixel(model):
    ticks = itertools.count()
    speed = measure_speed(model, device="cpu", clock=lambda: float(next(ticks)))
    area = (MEASURED_SIDE + 32) ** 2
    assert speed.step == pytest.approx(1 / area)  # one tick from step to step
    assert speed.first_pass == pytest.approx(1 / area)
    assert speed.device == "cpu"
    assert speed.steps == model.card.default_steps
    assert speed.halo == model.network.receptive_field


def test_a_measurement_can_be_given_up(model):
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_speed(model, device="cpu", checkpoint=stop)
    with pytest.raises(DeviceError):
        measure_speed(model, device="abacus")


def test_work_grows_with_planes_draws_and_steps():
    one = forecast(SPEED, (68, 68), planes=1, draws=1)
    assert one.tiles == 1
    assert one.seconds == pytest.approx(100**2 * (2e-6 + 6e-6))
    assert forecast(SPEED, (68, 68), 3, 1).seconds == pytest.approx(3 * one.seconds)
    assert forecast(SPEED, (68, 68), 1, 2, steps=3).seconds == pytest.approx(one.seconds)
    assert forecast(SPEED, (68, 68), 1, 0).seconds == pytest.approx(100**2 * 2e-6)


def test_orientations_are_counted_where_there_are_draws(make_model):
    model = make_model(posterior_orientations=4)
    speed = measure_speed(model, device="cpu", tile=64)
    assert (speed.orientations, speed.tile) == (4, 64)
    turned = replace(SPEED, orientations=4)
    assert forecast(turned, (68, 68), 1, 0) == forecast(SPEED, (68, 68), 1, 0)
    more = forecast(turned, (68, 68), 1, 1).seconds - forecast(SPEED, (68, 68), 1, 1).seconds
    assert more == pytest.approx(100**2 * 3 * 2e-6)


def test_tiles_compute_their_halo_too():
    large = forecast(SPEED, (968, 968), 1, 0)
    assert large.tiles == 4
    assert large.seconds == pytest.approx((2 * 550) ** 2 * 2e-6)


def test_a_speed_measured_on_small_tiles_counts_their_halo_once(model) -> None:
    ticks = itertools.count()
    speed = measure_speed(model, device="cpu", tile=40, clock=lambda: float(next(ticks)))
    again = forecast(speed, (MEASURED_SIDE, MEASURED_SIDE), planes=1, draws=1, steps=1)
    assert again.tiles > 1
    assert again.seconds == pytest.approx(2)  # a tick each for the first pass and the step, as measured


def test_the_surroundings_of_a_region_are_computed_too_where_the_plane_has_them():
    region = forecast(SPEED, (54, 54), 1, 0, whole=(192, 1000))
    assert region.seconds == pytest.approx((54 + 100) * (54 + 100) * 2e-6)
    assert forecast(SPEED, (54, 1000), 1, 0, whole=(80, 1000)) == forecast(SPEED, (80, 1000), 1, 0)
