"""What optics and camera are drawn from: drawn all over, stated on the card, and off unless asked for."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_cvdm.simulation import acquisition, widefield
from napari_cvdm.simulation.acquisition import MARGIN, Acquisition, acquire
from napari_cvdm.simulation.curves import splat
from napari_cvdm.simulation.ranges import AcquisitionRanges, between, log_between

Drawn = dict[str, list[float]]


def scene(camera_pixels: int = 64, points: int = 60) -> np.ndarray:
    """Points of light in the middle of a field with its margin."""
    size = 2 * camera_pixels + 2 * MARGIN
    places = np.random.default_rng(0).uniform(0.3 * size, 0.7 * size, (2, points))
    return splat(size, *places, np.ones(points))


def image(density: np.ndarray, ranges: AcquisitionRanges, seed: int = 0) -> Acquisition:
    return acquire(np.random.default_rng(seed), density, ranges)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[AcquisitionRanges, int], Drawn]:
    """Acquire some images, and learn what was drawn from each of the ranges."""

    def drawn(ranges: AcquisitionRanges, times: int) -> Drawn:
        names = {id(value): name for name, value in vars(ranges).items()}
        found: Drawn = {}

        def noting(draw: Callable[..., float]) -> Callable[..., float]:
            def draw_and_note(rng: np.random.Generator, bounds: tuple[float, float], **how: float) -> float:
                value = draw(rng, bounds, **how)
                found.setdefault(names.get(id(bounds), ""), []).append(value)
                return value

            return draw_and_note

        for module in (acquisition, widefield):
            for draw in (between, log_between):
                monkeypatch.setattr(module, draw.__name__, noting(draw))
        for seed in range(times):
            image(scene(16, points=10), ranges, seed)
        return found

    return drawn


class TestBetween:
    def test_even_or_more_often_low(self) -> None:
        rng = np.random.default_rng(0)
        even = [between(rng, (2.0, 6.0)) for _ in range(2000)]
        low = [between(rng, (2.0, 6.0), power=2.0) for _ in range(2000)]
        assert 2 <= min(even) < 2.1
        assert 5.9 < max(even) <= 6
        assert np.median(even) == pytest.approx(4, abs=0.2)
        assert np.median(low) == pytest.approx(3, abs=0.2)

    def test_even_in_the_logarithm(self) -> None:
        rng = np.random.default_rng(0)
        drawn = [log_between(rng, (1.0, 100.0)) for _ in range(2000)]
        assert np.median(drawn) == pytest.approx(10, rel=0.2)


class TestRanges:
    def test_are_drawn_from_all_over(self, drawn: Callable[[AcquisitionRanges, int], Drawn]) -> None:
        found = drawn(AcquisitionRanges(), 120)
        for name in ("psf_sigma", "photons", "haze", "haze_sigma", "background", "read_noise"):
            low, high = getattr(AcquisitionRanges, name)
            values = np.array(found[name])
            assert (values >= low).all()
            assert (values <= high).all()
            if low > 0 and name != "read_noise":  # log-uniform
                values, low, high = np.log(values), np.log(low), np.log(high)
            shares = (values - low) / (high - low)
            assert shares.min() < 0.1
            assert shares.max() > 0.9
            # Small haze is common: its share is the square of an even one, with a median of a quarter.
            median = 0.25 if name == "haze" else 0.5
            assert np.median(shares) == pytest.approx(median, abs=0.15)

    def test_some_specimens_are_thick(self, drawn: Callable[[AcquisitionRanges, int], Drawn]) -> None:
        found = drawn(AcquisitionRanges(haze=(0.0, 0.5), thick_share=0.25, thick_haze=(1.0, 3.0)), 400)
        thick = np.array(found["thick_haze"])
        assert 0.18 < len(thick) / 400 < 0.32
        assert len(thick) + len(found["haze"]) == 400
        assert 1.0 <= thick.min() < 1.2
        assert 2.8 < thick.max() <= 3.0
        assert thick.mean() == pytest.approx(2.0, abs=0.2)  # evenly, while small values prevail in others
        assert np.median(found["haze"]) == pytest.approx(0.125, abs=0.04)

    def test_a_card_states_the_haze_of_all_specimens(self) -> None:
        known = AcquisitionRanges(haze=(0.0, 0.5), thick_share=0.25, thick_haze=(1.0, 3.0)).known()
        assert known["haze"] == [0.0, 3.0]
        assert not any(key.startswith("thick") for key in known)
        assert AcquisitionRanges().known()["haze"] == [0.0, 3.0]
        assert AcquisitionRanges(haze=(0.0, 1.0)).known()["haze"] == [0.0, 1.0]

    def test_a_card_can_hold_them(self) -> None:
        values = AcquisitionRanges(photons=(10.0, 20.0)).known()
        assert json.loads(json.dumps(values)) == values
        assert values["photons"] == [10.0, 20.0]

    @pytest.mark.parametrize(
        "unused",
        [
            {"aberration": (0.1, 0.2)},
            {"halo_light": (0.3, 0.4), "halo_width": (2.0, 3.0)},
            {"thick_haze": (1.0, 3.0)},
        ],
    )
    def test_what_no_share_asks_for_changes_nothing(self, unused: dict[str, Any]) -> None:
        plain = AcquisitionRanges()
        first, second = (image(scene(24), ranges) for ranges in (plain, replace(plain, **unused)))
        np.testing.assert_array_equal(first.widefield, second.widefield)

    def test_a_slope_rises_to_one_side(self) -> None:
        def rise(seed: int, slope: float) -> float:
            """Rise from the middle to a side, as a share of the mean."""
            ranges = AcquisitionRanges(
                haze=(0, 0), background=(1, 1), photons=(1e4, 1e4), slope=(slope, slope)
            )
            field = acquire(np.random.default_rng(seed), np.zeros((144, 144), np.float32), ranges).widefield
            # The grey level of darkness, up to 500, is part of it.
            axis = np.linspace(-1, 1, 48)
            across = [(field * axis[:, None]).mean(), (field * axis[None, :]).mean()]
            return float(np.hypot(*across) / (axis**2).mean() / field.mean())

        sloped = [rise(seed, 0.5) for seed in range(8)]
        # Beside the unevenness that every field has.
        assert np.median(sloped) == pytest.approx(0.5, abs=0.12)
        assert np.median([rise(seed, 0.0) for seed in range(8)]) < 0.2
