"""The schedule: γ falls from 1 to nothing whatever the parameters, and its derivatives are exact."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from napari_cvdm.cvdm.model import CVDMConfig
from napari_cvdm.cvdm.networks import RateNetwork
from napari_cvdm.cvdm.schedule import (
    FIXED_SCHEDULES,
    LOG_REACH,
    FixedClock,
    MonotoneClock,
    gamma_and_curvature,
    gamma_at,
    noise_level,
)

#: A clock as made (0), clocks far from it, and those without parameters.
CLOCKS: list[int | str] = [0, 1, 2, 3, 4, 5, *FIXED_SCHEDULES]


def make_clock(which: int | str, dtype: torch.dtype = torch.float64) -> nn.Module:
    if isinstance(which, str):
        return FixedClock(which, 7.0)
    clock = MonotoneClock(8)
    generator = torch.Generator().manual_seed(which)
    with torch.no_grad():
        for parameter in clock.parameters():
            # Wide enough before the softplus for weights and slopes over orders of magnitude after it.
            change = torch.randn(parameter.shape, generator=generator)
            parameter.add_(change, alpha=2.5 if which else 0.0)
        clock.centres.copy_(torch.rand(8, generator=generator) * 1.4 - 0.2 if which else clock.centres)
    return clock.to(dtype)


def inner_times(count: int = 41) -> Tensor:
    return torch.linspace(0, 1, count, dtype=torch.float64).view(-1, 1, 1, 1)


def rates(count: int, low: float = 7.0, high: float = 14.0) -> Tensor:
    generator = torch.Generator().manual_seed(11)
    return low + (high - low) * torch.rand(count, 2, 3, 3, generator=generator, dtype=torch.float64)


class TestClock:
    @pytest.mark.parametrize("which", CLOCKS)
    @pytest.mark.parametrize("shape", [(), (3, 1, 1, 1)])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_starts_at_exactly_zero_and_ends_at_one(
        self, which: int | str, shape: tuple[int, ...], dtype: torch.dtype
    ) -> None:
        clock = make_clock(which, dtype)
        start, end = clock(torch.zeros(shape, dtype=dtype)), clock(torch.ones(shape, dtype=dtype))
        assert start.integral.shape == shape
        assert torch.equal(start.integral, torch.zeros(shape, dtype=dtype))
        torch.testing.assert_close(end.integral, torch.ones(shape, dtype=dtype), rtol=1e-5, atol=0)

    def test_starts_at_exactly_zero_among_other_times(self) -> None:
        # One vector of times, in single precision: a remainder of either sign would make γ(0) other than 1.
        starts = [
            make_clock(which, torch.float32)(torch.linspace(0, 1, count)).integral[0].item()
            for which in range(40)
            for count in (2, 6, 17)
        ]
        assert starts == [0.0] * len(starts)

    @pytest.mark.parametrize("which", CLOCKS)
    def test_sets_out_from_there_without_a_jump(self, which: int | str) -> None:
        # At 0 itself it is set to 0, whatever comes after: its slope there must lead on.
        clock, soon = make_clock(which), torch.tensor(1e-9, dtype=torch.float64)
        expected = clock(torch.zeros_like(soon)).rate * soon
        torch.testing.assert_close(clock(soon).integral, expected, rtol=1e-3, atol=1e-14)

    @pytest.mark.parametrize("which", CLOCKS)
    def test_rises_strictly(self, which: int | str) -> None:
        values = make_clock(which)(torch.linspace(0, 1, 4001, dtype=torch.float64))
        assert (values.integral.diff() > 0).all()
        assert (values.rate > 0).all()

    @pytest.mark.parametrize("which", CLOCKS)
    def test_gives_its_own_derivatives(self, which: int | str) -> None:
        clock = make_clock(which)
        t = torch.linspace(0, 1, 101, dtype=torch.float64).requires_grad_()
        values = clock(t)
        (rate,) = torch.autograd.grad(values.integral.sum(), t, create_graph=True)
        (rate_slope,) = torch.autograd.grad(rate.sum(), t)
        torch.testing.assert_close(values.rate, rate, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(values.rate_slope, rate_slope, rtol=1e-8, atol=1e-9)

    def test_without_units_in_the_middle_draws_a_straight_line(self) -> None:
        learned = MonotoneClock(4).double()
        with torch.no_grad():
            learned.linear.fill_(-60.0)
            learned.weights.fill_(-60.0)
        t = inner_times()
        gamma = gamma_at(learned, t, torch.full_like(t, -math.log(1 - LOG_REACH)))
        torch.testing.assert_close(gamma, 1 - LOG_REACH * t)


class TestFixedClock:
    @pytest.mark.parametrize(
        ("shape", "fall"),
        [
            ("linear", lambda t: 1 - t),
            (
                "cosine",
                lambda t: (
                    torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.004 * math.pi / 1.008) ** 2
                ),
            ),
            (
                "sigmoid",
                lambda t: (
                    (1 / (1 + torch.exp(6 * t - 3)) - 1 / (1 + math.exp(3)))
                    / (1 / (1 + math.exp(-3)) - 1 / (1 + math.exp(3)))
                ),
            ),
        ],
    )
    def test_gamma_has_the_published_shape(self, shape: str, fall: Callable[[Tensor], Tensor]) -> None:
        t = inner_times()
        rate = 7.0
        gamma = gamma_at(FixedClock(shape, rate), t, torch.full_like(t, rate))
        torch.testing.assert_close(gamma, math.exp(-rate) + (1 - math.exp(-rate)) * fall(t))

    def test_refuses_what_it_does_not_know(self) -> None:
        with pytest.raises(ValueError, match="'quadratic'; choose from linear, cosine, sigmoid"):
            FixedClock("quadratic", 7.0)


class TestSchedule:
    @pytest.mark.parametrize("which", CLOCKS)
    def test_falls_from_one_to_nothing_for_any_observation(
        self, which: int | str, randomise: Callable[[nn.Module, int], nn.Module]
    ) -> None:
        network = randomise(RateNetwork(1, 4, 6, CVDMConfig().rate_bounds), 3)
        generator = torch.Generator().manual_seed(5)
        # Observations far outside what normalisation gives, so that λ reaches both of its bounds.
        x = torch.randn(3, 1, 16, 16, generator=generator)
        x *= torch.tensor([0.1, 3.0, 100.0]).view(3, 1, 1, 1)
        lam = network(x).detach().double()
        assert lam.std() > 0.1
        clock = make_clock(which)
        times = torch.linspace(0, 1, 151, dtype=torch.float64).tolist()
        gamma = torch.stack([gamma_at(clock, torch.full((1, 1, 1, 1), t).double(), lam) for t in times])
        assert torch.equal(gamma[0], torch.ones_like(lam))
        assert (gamma[-1] < 1e-3).all()
        assert (gamma > 0).all()
        assert (gamma.diff(dim=0) < 0).all()

    @pytest.mark.parametrize("which", CLOCKS)
    def test_derivative_is_minus_beta_gamma(self, which: int | str) -> None:
        t, lam = inner_times().requires_grad_(), rates(41)
        clock = make_clock(which)
        gamma, beta = gamma_at(clock, t, lam), lam * clock(t).rate
        # One time per item feeds 18 pixels: a gradient for each pixel needs a pass for each.
        for channel, row, column in ((0, 0, 0), (1, 2, 1), (0, 1, 2)):
            (slope,) = torch.autograd.grad(gamma[:, channel, row, column].sum(), t, retain_graph=True)
            expected = (-beta * gamma)[:, channel, row, column]
            torch.testing.assert_close(slope.flatten(), expected, rtol=1e-10, atol=1e-13)
        assert (beta > 0).all()

    @pytest.mark.parametrize("which", CLOCKS)
    def test_curvature_is_the_second_derivative(self, which: int | str) -> None:
        lam = rates(41)
        t = inner_times().expand_as(lam).clone().requires_grad_()  # a time for each pixel
        gamma, stated = gamma_and_curvature(make_clock(which), t, lam)
        torch.testing.assert_close(gamma, gamma_at(make_clock(which), t, lam))
        (slope,) = torch.autograd.grad(gamma.sum(), t, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), t)
        torch.testing.assert_close(stated, curvature, rtol=1e-8, atol=1e-8)

    def test_takes_one_time_for_each_item(self) -> None:
        clock, lam = make_clock(1), rates(3)
        t = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64).view(3, 1, 1, 1)
        together = gamma_and_curvature(clock, t, lam)
        for item in range(3):
            alone = gamma_and_curvature(clock, t[item : item + 1], lam[item : item + 1])
            for a, b in zip(together, alone, strict=True):
                torch.testing.assert_close(a[item : item + 1], b, rtol=1e-13, atol=0)

    def test_larger_rate_forgets_sooner(self) -> None:
        clock, t = make_clock(2), inner_times()[1:]
        slow = gamma_at(clock, t, torch.full_like(t, 7.0))
        fast = gamma_at(clock, t, torch.full_like(t, 14.0))
        torch.testing.assert_close(fast, slow.square())


class TestNoiseLevel:
    def test_is_the_root_of_what_the_signal_leaves(self) -> None:
        gamma = torch.tensor([0.0, 0.19, 0.64, 1 - 1e-6], dtype=torch.float64)
        expected = torch.tensor([1.0, 0.9, 0.6, 1e-3], dtype=torch.float64)
        torch.testing.assert_close(noise_level(gamma), expected)

    def test_vanishes_with_a_finite_slope_at_one_and_above(self) -> None:
        gamma = torch.tensor([1.0, 1.0000001], requires_grad=True)
        level = noise_level(gamma)
        level.sum().backward()
        assert (level <= 1e-6).all()
        assert gamma.grad is not None
        assert torch.isfinite(gamma.grad).all()
