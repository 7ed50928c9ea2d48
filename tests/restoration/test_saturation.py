"""Tests for pixels cut off at the greatest value."""

import numpy as np
import pytest

from napari_cvdm.restoration.saturation import MOST_SATURATED, saturated_share


@pytest.fixture
def recording() -> np.ndarray:
    """Structures with a long tail of brightness, in counts of a 12-bit camera."""
    rng = np.random.default_rng(3)
    return np.minimum(100 + rng.exponential(400, (128, 128)).round(), 4095)


def test_a_fading_tail_is_not_cut_off(recording: np.ndarray) -> None:
    assert saturated_share(recording) == 0
    # The greatest value is met ten times, the one below it twenty times, and so on.
    assert saturated_share(np.repeat(np.arange(200.0), np.arange(2000, 0, -10))) == 0


@pytest.mark.parametrize("top", [1500, 700])
def test_counts_what_was_cut_off(recording: np.ndarray, top: int) -> None:
    cut = np.minimum(recording, top)
    assert saturated_share(cut) == pytest.approx(np.mean(recording >= top))
    assert saturated_share(cut / 65535) == pytest.approx(np.mean(recording >= top))
    assert saturated_share(cut + 10_000) == saturated_share(cut) > MOST_SATURATED


@pytest.mark.parametrize(("hot", "saturated"), [(4, 0), (5, 5)])
def test_a_handful_of_pixels_may_be_as_bright_by_chance(hot: int, saturated: int) -> None:
    values = np.array([*range(100), *[105] * hot], float)
    assert saturated_share(values) == saturated / values.size


def test_a_mask_or_a_few_photons_are_no_saturation() -> None:
    rng = np.random.default_rng(4)
    assert saturated_share((rng.random((64, 64)) < 0.2).astype(float)) == 0
    assert saturated_share(rng.poisson(0.5, (64, 64)).astype(float)) == 0


@pytest.mark.parametrize("values", [np.ones((8, 8)), np.arange(64.0)])
def test_nothing_to_cut(values: np.ndarray) -> None:
    assert saturated_share(values) == 0


@pytest.mark.parametrize(("count", "share"), [(4, 0), (5, 5 / 69)])
def test_a_few_bright_pixels_are_no_saturation(count: int, share: float) -> None:
    values = np.concatenate([np.arange(64.0), np.full(count, 70.0)])
    assert saturated_share(values) == pytest.approx(share)
