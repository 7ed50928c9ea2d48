"""The sampler: exact steps, and the right distribution from an exact predictor and from a trained model."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.cvdm.objective import objective
from napari_cvdm.cvdm.sampling import (
    NoisePredictor,
    ancestral,
    angle_grid,
    angular,
)
from napari_cvdm.cvdm.schedule import MonotoneClock, gamma_and_curvature

Sampler = Callable[..., Iterator[Tensor]]
multistep = partial(angular, second_order=True)
SAMPLERS: dict[str, Sampler] = {
    "angular": angular,
    "multistep": multistep,
    "deterministic": partial(ancestral, eta=0.0),
    "mixed": partial(ancestral, eta=0.5),
    "ancestral": partial(ancestral, eta=1.0),
}
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS.keys())
#: These end on the residual they predict last.
PREDICTING = {name: SAMPLERS[name] for name in ("deterministic", "mixed", "ancestral")}
#: These follow a differential equation to its end.
FLOWING = {name: SAMPLERS[name] for name in ("angular", "multistep")}


def finish(states: Iterator[Tensor]) -> Tensor:
    """The draw that a sampler ends with."""
    *_, draw = states
    return draw


def time_grid(steps: int, power: float = 1.0) -> tuple[float, ...]:
    """Times from 1 to 0: even, or denser near 0."""
    return tuple((1 - i / steps) ** power for i in range(steps + 1))


def gaussian(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def noise_source(
    shape: Sequence[int], seed: int, dtype: torch.dtype = torch.float64
) -> Callable[[int], Tensor]:
    """White noise that depends on the step alone."""
    return lambda step: gaussian(*shape, seed=1000 * seed + step, dtype=dtype)


def make_clock() -> MonotoneClock:
    """A clock as training leaves it: far from the one it started as."""
    clock = MonotoneClock(4).double()
    generator = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for parameter in clock.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return clock


def gamma_at(time: float, lam: Tensor) -> Tensor:
    t = torch.full((1,) * lam.ndim, time, dtype=lam.dtype)
    return gamma_and_curvature(make_clock(), t, lam)[0].detach()


def knows(residual: Tensor) -> NoisePredictor:
    """The noise predictor that knows the clean residual."""
    return lambda z, gamma: (z - gamma.sqrt() * residual) / (1 - gamma).sqrt()


def believes(mean: float, variance: float) -> NoisePredictor:
    """The best predictor for residuals r ~ N(mean, variance), pixel by pixel.

    z = √γ·r + √(1−γ)·ε and ε are jointly Gaussian, hence E[ε|z] = cov(ε, z)/var(z) · (z − E z).
    """
    return lambda z, gamma: (1 - gamma).sqrt() * (z - gamma.sqrt() * mean) / (gamma * variance + 1 - gamma)


@torch.no_grad()
def sample(
    sampler: Sampler, predict: NoisePredictor, lam: Tensor, times: Sequence[float], seed: int
) -> Tensor:
    noise = noise_source(lam.shape, seed, lam.dtype)
    return finish(sampler(predict, make_clock().to(lam.dtype), lam, times, noise))


@torch.no_grad()
def moments(
    sampler: Sampler, predict: NoisePredictor, rate: float, times: Sequence[float]
) -> tuple[float, float]:
    """Mean and variance of the draws, exactly, for a predictor that is affine in z.

    Then so is a draw in the fields of noise. In pixel k the field of step k is 1 and all others are 0; in the
    last pixel all are 0. The last pixel is the mean, and what the others add to it are the coefficients.
    """
    steps = len(times) - 1
    lam = torch.full((1, 1, 1, steps + 1), rate, dtype=torch.float64)
    units = torch.eye(steps, steps + 1, dtype=torch.float64).view(steps, 1, 1, 1, steps + 1)
    draw = finish(sampler(predict, make_clock(), lam, times, units.__getitem__)).flatten()
    return float(draw[-1]), float((draw[:-1] - draw[-1]).square().sum())


class TestAngleGrid:
    @pytest.mark.parametrize("rate", [7.0, 12.0, 25.0, 40.0])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_angle_falls_in_equal_steps(self, rate: float, dtype: torch.dtype) -> None:
        for steps in (1, 2, 9, 50):
            times = angle_grid(steps, make_clock().to(dtype), rate)
            assert len(times) == steps + 1
            assert times[0] == 1.0
            assert times[-1] == 0.0
            assert all(later < earlier for earlier, later in itertools.pairwise(times))
            lam = torch.full((1, 1, 1, 1), rate, dtype=torch.float64)
            angles = [math.acos(float(gamma_at(time, lam).clamp_min(1e-6).sqrt())) for time in times]
            for i, angle in enumerate(angles):
                assert angle == pytest.approx(angles[0] * (1 - i / steps), abs=5e-4)

    @pytest.mark.parametrize("steps", [0, -3])
    def test_refuses_no_steps(self, steps: int) -> None:
        with pytest.raises(ValueError, match=f"at least one sampling step is needed, got {steps}"):
            angle_grid(steps, make_clock(), 8.0)


class TestProtocol:
    """What a caller can rely on: the order of calls, one network pass for each step, noise as given."""

    shape = (2, 4, 3, 3)

    def lam(self) -> Tensor:
        return 7 + 5 * gaussian(*self.shape, seed=1).sigmoid()

    @every_sampler
    @pytest.mark.parametrize(
        "times",
        [(), (1.0,), (0.9, 0.0), (1.0, 0.1), (0.0, 1.0), (1.0, 0.3, 0.5, 0.0), (1.0, -0.5, 0.0)],
    )
    def test_refuses_times_that_do_not_fall_from_one_to_zero(
        self, sampler: Sampler, times: tuple[float, ...]
    ) -> None:
        steps = sampler(knows(self.lam()), make_clock(), self.lam(), times, noise_source(self.shape, 0))
        with pytest.raises(ValueError, match="times must fall from 1 to 0"):
            next(steps)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("angular", [0]),
            ("multistep", [0]),
            ("deterministic", [0]),
            ("mixed", [0, 1, 2, 3]),
            ("ancestral", [0, 1, 2, 3]),
        ],
    )
    def test_asks_for_noise_in_the_order_of_steps(self, name: str, expected: list[int]) -> None:
        asked: list[int] = []

        def noise(step: int) -> Tensor:
            asked.append(step)
            return gaussian(*self.shape, seed=step)

        finish(SAMPLERS[name](believes(0, 1), make_clock(), self.lam(), time_grid(4), noise))
        assert asked == expected

    @every_sampler
    def test_passes_the_network_once_for_each_step_and_only_when_asked(self, sampler: Sampler) -> None:
        seen: list[Tensor] = []

        def predict(z: Tensor, gamma: Tensor) -> Tensor:
            seen.append(gamma)
            return z

        times = time_grid(5, 2.0)
        steps = sampler(predict, make_clock(), self.lam(), times, noise_source(self.shape, 0))
        assert seen == []
        for done, _ in enumerate(steps, start=1):
            assert len(seen) == done
        assert len(seen) == 5
        # The network is told the γ of the state it is shown: never that of t = 0.
        for time, gamma in zip(times[:-1], seen, strict=True):
            torch.testing.assert_close(gamma, gamma_at(time, self.lam()))

    @every_sampler
    def test_noise_given_is_the_noise_used(self, sampler: Sampler) -> None:
        def draw(seed: int) -> Tensor:
            return sample(sampler, believes(0.5, 0.6), self.lam(), time_grid(6), seed)

        first = draw(3)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(99)
            before = torch.get_rng_state()
            assert torch.equal(draw(3), first)
            assert torch.equal(torch.get_rng_state(), before)  # nor does it draw any of its own
        assert (draw(4) - first).abs().min() > 1e-6

    def test_every_step_but_the_last_adds_its_own_noise(self) -> None:
        predict, lam = believes(0, 0.7), self.lam()

        def draw(changed: int) -> Tensor:
            def noise(step: int) -> Tensor:
                return gaussian(*self.shape, seed=step) + (1.0 if step == changed else 0.0)

            return finish(ancestral(predict, make_clock(), lam, time_grid(5), noise))

        plain = draw(-1)
        assert torch.equal(draw(5), plain)  # the last step is a prediction
        for step in range(5):
            assert (draw(step) - plain).abs().min() > 0, step

    @pytest.mark.parametrize("eta", [-0.1, 1.1, math.nan])
    def test_refuses_more_noise_than_there_is(self, eta: float) -> None:
        noise = noise_source(self.shape, 0)
        steps = ancestral(knows(self.lam()), make_clock(), self.lam(), time_grid(3), noise, eta)
        with pytest.raises(ValueError, match="between 0 and 1"):
            next(steps)


class TestPerfectPredictor:
    shape = (1, 4, 5, 5)

    @pytest.mark.parametrize("sampler", PREDICTING.values(), ids=PREDICTING.keys())
    @pytest.mark.parametrize("steps", [1, 2, 3, 10, 57])
    @pytest.mark.parametrize("power", [1.0, 2.0])
    def test_returns_the_target(self, sampler: Sampler, steps: int, power: float) -> None:
        target = 3 * gaussian(*self.shape, seed=1)
        # Some rates are beyond what the sampler's least γ lets through.
        lam = 7 + 33 * gaussian(*self.shape, seed=2).sigmoid()
        draw = sample(sampler, knows(target), lam, time_grid(steps, power), 6)
        torch.testing.assert_close(draw, target, rtol=1e-11, atol=1e-11)

    @pytest.mark.parametrize(("sampler", "order"), [(angular, 1), (multistep, 2)])
    def test_follows_the_flow_to_the_target(self, sampler: Sampler, order: int) -> None:
        # With the residual known, the flow is the circle z = cos φ·r + sin φ·ε, and it ends in r.
        target = gaussian(*self.shape, seed=1)
        lam = torch.full(self.shape, 13.0, dtype=torch.float64)
        errors = [
            float(
                (sample(sampler, knows(target), lam, angle_grid(n, make_clock(), 13.0), 6) - target)
                .abs()
                .max()
            )
            for n in (25, 50, 100)
        ]
        assert errors[-1] < 0.05**order
        for coarse, fine in itertools.pairwise(errors):
            assert coarse / fine > 0.8 * 2**order

    @pytest.mark.parametrize("sampler", PREDICTING.values(), ids=PREDICTING.keys())
    @pytest.mark.parametrize("steps", [1, 10, 57])
    def test_returns_the_target_in_single_precision(self, sampler: Sampler, steps: int) -> None:
        target = 3 * gaussian(*self.shape, seed=1, dtype=torch.float32)
        lam = 7 + 33 * gaussian(*self.shape, seed=2, dtype=torch.float32).sigmoid()
        draw = sample(sampler, knows(target), lam, time_grid(steps), 6)
        # In a single step the sampler divides by √γ(1) ≥ 10⁻³, and rounding with it.
        tolerance = 2e-3 if steps == 1 else 5e-6
        torch.testing.assert_close(draw, target, rtol=0, atol=tolerance)


class TestManySteps:
    @every_sampler
    def test_the_last_may_begin_where_rounding_leaves_no_noise(self, sampler: Sampler) -> None:
        lam = torch.full((1, 1, 2, 2), 7.0)
        times = (1.0, 0.5, 1e-10, 5e-11, 0.0)
        assert gamma_at(times[2], lam).float().eq(1).all()
        draw = sample(sampler, believes(0.0, 1.0), lam, times, 7)
        assert draw.isfinite().all()


class TestStep:
    """Single steps against their definition, with another rate in every pixel."""

    shape = (1, 2, 4, 4)
    times = (1.0, 0.55, 0.3, 0.12, 0.0)

    def setting(self) -> tuple[Tensor, Tensor]:
        return gaussian(*self.shape, seed=1), 7 + 6 * gaussian(*self.shape, seed=2).sigmoid()

    def states(self, noise: Callable[[int], Tensor], eta: float) -> list[Tensor]:
        target, lam = self.setting()
        steps = ancestral(knows(target), make_clock(), lam, self.times, noise, eta)
        return [noise(0), *(state.detach() for state in steps)]

    def test_is_the_posterior_of_the_forward_process(self) -> None:
        target, lam = self.setting()
        noise = noise_source(self.shape, 3)
        states = self.states(noise, eta=1.0)
        for step in range(1, len(self.times) - 1):
            gamma_t, gamma_s = gamma_at(self.times[step - 1], lam), gamma_at(self.times[step], lam)
            # Prior z_s ~ N(√γ_s·r, 1 − γ_s) and likelihood z_t | z_s ~ N(√a·z_s, 1 − a), a = γ_t/γ_s:
            # precisions add up, and the mean is weighed by them.
            a = gamma_t / gamma_s
            precision = 1 / (1 - gamma_s) + a / (1 - a)
            pull = gamma_s.sqrt() * target / (1 - gamma_s) + a.sqrt() * states[step - 1] / (1 - a)
            expected = pull / precision + noise(step) / precision.sqrt()
            torch.testing.assert_close(states[step], expected, rtol=1e-9, atol=1e-10)

    @pytest.mark.parametrize("eta", [0.0, 0.3, 0.8, 1.0])
    def test_keeps_the_marginals_of_the_forward_process(self, eta: float) -> None:
        # If z_t ~ N(√γ_t·r, 1 − γ_t), then z_s ~ N(√γ_s·r, 1 − γ_s): as z_s = c·z_t + d·ξ + rest, this asks
        # for c²(1 − γ_t) + d² = 1 − γ_s. Two runs that differ in one field give c and d.
        target, lam = self.setting()
        plain = noise_source(self.shape, 4)
        before = self.states(plain, eta)
        for step in range(1, len(self.times) - 1):
            gamma_t, gamma_s = gamma_at(self.times[step - 1], lam), gamma_at(self.times[step], lam)
            start = self.states(lambda i: plain(i) + (1.0 if i == 0 else 0.0), eta)
            fresh = self.states(lambda i, step=step: plain(i) + (1.0 if i == step else 0.0), eta)
            carried = (start[step] - before[step]) / (start[step - 1] - before[step - 1])
            added = fresh[step] - before[step]
            torch.testing.assert_close(carried.square() * (1 - gamma_t) + added.square(), 1 - gamma_s)
            mean = before[step] - carried * (before[step - 1] - gamma_t.sqrt() * target) - added * plain(step)
            torch.testing.assert_close(mean, gamma_s.sqrt() * target)

    def test_share_of_fresh_noise_is_eta(self) -> None:
        _, lam = self.setting()
        noise = noise_source(self.shape, 5)
        for step in (1, 2, 3):
            gamma_t, gamma_s = gamma_at(self.times[step - 1], lam), gamma_at(self.times[step], lam)
            full = ((1 - gamma_s) * (1 - gamma_t / gamma_s) / (1 - gamma_t)).sqrt()
            for eta in (0.0, 0.25, 1.0):
                bare, own = (
                    self.states(lambda i, last=last: noise(i) * float(i in (0, last)), eta)
                    for last in (0, step)
                )
                torch.testing.assert_close((own[step] - bare[step]) / noise(step), eta * full)

    def test_angular_step_follows_the_velocity(self) -> None:
        target, lam = self.setting()
        noise = noise_source(self.shape, 6)
        steps = angular(knows(target), make_clock(), lam, self.times, noise)
        states = [noise(0), *(state.detach() for state in steps)]
        for step in range(1, len(self.times) - 1):
            angles = [torch.acos(gamma_at(self.times[k], lam).sqrt()) for k in (step - 1, step)]
            # On the circle z = cos φ·r + sin φ·ε the velocity is dz/dφ = cos φ·ε − sin φ·r.
            z, cos, sin = states[step - 1], angles[0].cos(), angles[0].sin()
            velocity = cos * (z - cos * target) / sin - sin * target
            torch.testing.assert_close(states[step], z + (angles[1] - angles[0]) * velocity)


class TestExactPredictor:
    """With the best predictor of a Gaussian residual, the draws must become that Gaussian."""

    @every_sampler
    @pytest.mark.parametrize(
        ("mean", "deviation", "rate"), [(0.0, 1.0, 10.0), (0.7, 0.5, 8.0), (-1.5, 1.6, 13.0)]
    )
    def test_many_steps_give_mean_and_variance(
        self, sampler: Sampler, mean: float, deviation: float, rate: float
    ) -> None:
        times = angle_grid(400, make_clock(), rate)
        got_mean, got_variance = moments(sampler, believes(mean, deviation**2), rate, times)
        # These are exact moments, without sampling error. What is left: the start is N(0, 1) instead of
        # N(√γ₁·m, γ₁s² + 1 − γ₁), worth √γ₁·m·s in the mean at most, and steps of finite length.
        assert got_mean == pytest.approx(mean, abs=0.005 + abs(mean) * deviation * math.exp(-rate / 2))
        assert got_variance == pytest.approx(deviation**2, rel=0.02)

    @pytest.mark.parametrize(
        ("name", "order"),
        [("angular", 1), ("multistep", 2), ("deterministic", 1), ("mixed", 1), ("ancestral", 1)],
    )
    def test_error_falls_with_a_power_of_the_steps(self, name: str, order: int) -> None:
        # Against what the flow makes of a finite start, which no number of steps changes.
        clock, rate, variance = make_clock(), 13.0, 0.36
        end = math.exp(-rate)
        limit = variance / (end * variance + 1 - end) if name in FLOWING else variance
        errors = [
            abs(moments(SAMPLERS[name], believes(0, variance), rate, angle_grid(n, clock, rate))[1] - limit)
            for n in (40, 80, 160)
        ]
        for coarse, fine in itertools.pairwise(errors):
            assert 0.85 * 2**order < coarse / fine < 1.15 * 2**order

    @pytest.mark.parametrize("steps", [1, 2, 5, 20])
    def test_deterministic_steps_turn_a_white_residual_by_an_angle(self, steps: int) -> None:
        # For r ~ N(0, 1) the predictor gives r̂ = cos θ·z and ε̂ = sin θ·z with cos θ = √γ, so a step scales
        # the state by cos(θ_t − θ_s): known to the last digit for any grid, and below 1.
        times, rate = time_grid(steps, 2.0), torch.full((1, 1, 1, 1), 9.0, dtype=torch.float64)
        angles = [math.acos(float(gamma_at(time, rate).sqrt())) for time in times]
        expected = math.prod(math.cos(a - b) for a, b in itertools.pairwise(angles))
        mean, variance = moments(SAMPLERS["deterministic"], believes(0, 1), 9.0, times)
        assert mean == 0
        assert variance == pytest.approx(expected**2, rel=1e-9)

    @pytest.mark.parametrize("sampler", FLOWING.values(), ids=FLOWING.keys())
    @pytest.mark.parametrize("steps", [1, 2, 5, 20])
    def test_a_white_residual_is_left_as_it_is(self, sampler: Sampler, steps: int) -> None:
        lam = 7 + 6 * gaussian(1, 2, 4, 4, seed=2).sigmoid()
        noise = noise_source(lam.shape, 3)
        for state in sampler(believes(0, 1), make_clock(), lam, time_grid(steps), noise):
            torch.testing.assert_close(state, noise(0))

    def test_a_second_order_step_is_the_rule_for_unequal_steps(self) -> None:
        # A velocity that is a straight line in φ is integrated exactly once there is a step to look back on.
        lam = 9 + 4 * gaussian(1, 2, 4, 4, seed=2).sigmoid()
        times = angle_grid(6, make_clock(), 11.0)
        angles = [torch.acos(gamma_at(t, lam).clamp_min(1e-6).sqrt()) for t in times]

        def predict(z: Tensor, gamma: Tensor) -> Tensor:
            angle = torch.acos(gamma.sqrt())
            return angle.cos() * (3 * angle - 1) + angle.sin() * z  # ε̂ of the velocity 3φ − 1

        states = [
            state.detach()
            for state in multistep(predict, make_clock(), lam, times, noise_source(lam.shape, 3))
        ]
        for k in range(1, len(states)):
            expected = (
                states[k - 1] + 1.5 * (angles[k + 1] ** 2 - angles[k] ** 2) - (angles[k + 1] - angles[k])
            )
            grown = (angles[k] - angles[k + 1]) / (angles[k - 1] - angles[k]) > 2
            torch.testing.assert_close(states[k][~grown], expected[~grown])
            assert grown.float().mean() < 0.5, k

    @every_sampler
    def test_samples_have_the_moments_too(self, sampler: Sampler) -> None:
        predict, rate = believes(0.7, 0.25), 10.0
        times = angle_grid(30, make_clock(), rate)
        draw = sample(sampler, predict, torch.full((1, 1, 200, 200), rate, dtype=torch.float64), times, 7)
        mean, variance = moments(sampler, predict, rate, times)
        # 40,000 independent draws: standard errors σ/200 and σ²·√(2/40000); four of them are allowed.
        assert float(draw.mean()) == pytest.approx(mean, abs=4 * variance**0.5 / 200)
        assert float(draw.var()) == pytest.approx(variance, rel=4 * math.sqrt(2 / 40_000))


# The end of the chain: a model trained by the whole objective, on a problem whose posterior is known.
#
# Four fine pixels y ~ N(0, 1) lie in a camera pixel, which records x = w·y + n with n ~ N(0, v). Then y | x
# is Gaussian with mean w·x / (w·w + v) and covariance I − w wᵀ / (w·w + v). What x has told about the sum
# leaves the four pixels with negative correlations, which no map of standard deviations can hold. The weights
# differ, so that pixels in the wrong order are found out.
WEIGHTS = torch.tensor([0.4, 0.3, 0.2, 0.1])
CAMERA_VARIANCE = 0.075
RECORDED_VARIANCE = float(WEIGHTS @ WEIGHTS) + CAMERA_VARIANCE
POSTERIOR_GAIN = WEIGHTS / RECORDED_VARIANCE
POSTERIOR_COVARIANCE = torch.eye(4) - torch.outer(WEIGHTS, WEIGHTS) / RECORDED_VARIANCE
#: Fine images are scaled by this, to the size that residuals of normalised images have.
CONTRAST = 0.2
SIDE = 4


def observe(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Camera images (count, 1, SIDE, SIDE) and sharp images (count, 1, 2·SIDE, 2·SIDE)."""
    pixels = torch.randn(count, 4, SIDE, SIDE, generator=generator)
    camera = torch.einsum("c,bchw->bhw", WEIGHTS, pixels).unsqueeze(1)
    camera += CAMERA_VARIANCE**0.5 * torch.randn(camera.shape, generator=generator)
    sharp = torch.empty(count, 1, 2 * SIDE, 2 * SIDE)
    for place in range(4):  # reading order within the camera pixel, written out rather than left to fold()
        sharp[:, 0, place // 2 :: 2, place % 2 :: 2] = pixels[:, place]
    return CONTRAST * camera, CONTRAST * sharp


class Trained(NamedTuple):
    model: CVDM
    camera: Tensor
    mean: Tensor
    scale: Tensor
    lam: Tensor
    truth: Tensor

    def deviations(self, sampler: Sampler, steps: int) -> Tensor:
        """Draws less the true posterior mean, in units of y, as (4, blocks), blocks in the order of x."""
        model = self.model

        def predict(z: Tensor, gamma: Tensor) -> Tensor:
            return model.predict_noise(z, self.camera, self.mean, self.scale, gamma)

        noise = noise_source(self.mean.shape, 3, torch.float32)
        with torch.no_grad():
            residual = finish(sampler(predict, model.clock, self.lam, model.sampling_times(steps), noise))
            picture = self.model.unfold(self.mean + self.scale * residual)
        return self.in_blocks(picture) - self.truth

    @staticmethod
    def in_blocks(picture: Tensor) -> Tensor:
        places = [picture[:, 0, place // 2 :: 2, place % 2 :: 2] for place in range(4)]
        return torch.stack(places).flatten(1) / CONTRAST


@pytest.fixture(scope="module")
def trained() -> Trained:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CVDM(
            CVDMConfig(
                mean_widths=(8,),
                mean_blocks=(1,),
                noise_widths=(24,),
                noise_blocks=(1,),
                scale_width=8,
                rate_width=8,
                clock_units=8,
            )
        )
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    steps, count = 700, 64
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x, y = observe(count, generator)
        times = (torch.arange(count) + torch.rand(count, generator=generator)) / count
        noise = torch.randn(count, 4, SIDE, SIDE, generator=generator)
        optimizer.zero_grad()
        objective(model, x, y, times, noise).total.backward()
        optimizer.step()
        decay.step()
    camera, _ = observe(512, generator)
    with torch.no_grad():
        mean, scale, lam = model.estimate(camera)
    truth = torch.outer(POSTERIOR_GAIN, camera.flatten() / CONTRAST)
    return Trained(model, camera, mean, scale, lam, truth)


class TestTrainedModel:
    def test_mean_network_is_the_posterior_mean(self, trained: Trained) -> None:
        error = trained.in_blocks(trained.model.unfold(trained.mean)) - trained.truth
        assert float(error.square().mean().sqrt()) < 0.06

    def test_scale_is_the_posterior_deviation(self, trained: Trained) -> None:
        # The filter that keeps the folding's grid out averages over the four pixels of a camera pixel, which
        # differ here by design and in images only by chance; less so at the border of these small ones.
        scale = trained.in_blocks(trained.model.unfold(trained.scale))
        expected = POSTERIOR_COVARIANCE.diag().mean().sqrt().expand(4)
        torch.testing.assert_close(scale.mean(dim=1), expected, rtol=0.05, atol=0)
        assert float(scale.std(dim=1).max()) < 0.05

    def test_schedule_has_learned_and_is_still_one(self, trained: Trained) -> None:
        new = MonotoneClock(8)
        t = torch.linspace(0, 1, 21).view(-1, 1, 1, 1)
        with torch.no_grad():
            learned = trained.model.clock(t).integral
            assert (learned - new(t).integral).abs().max() > 0.01
            assert (trained.lam - 8.0).abs().min() > 0.1
            gamma = torch.exp(-trained.lam.mean() * learned).flatten()
        assert gamma[0] == 1
        assert gamma[-1] < 1e-3
        assert (gamma.diff() < 0).all()

    @pytest.mark.parametrize(
        ("name", "steps"), [("angular", 40), ("multistep", 20), ("deterministic", 150), ("ancestral", 250)]
    )
    def test_draws_are_the_posterior(self, trained: Trained, name: str, steps: int) -> None:
        deviations = trained.deviations(SAMPLERS[name], steps)
        blocks = deviations.shape[1]
        assert blocks == 512 * SIDE**2

        # Mean: no offset, and nothing left of x. Standard errors are 0.011 and 0.018; training leaves 0.03.
        assert float(deviations.mean(dim=1).abs().max()) < 0.06
        x = trained.camera.flatten() / CONTRAST
        slope = deviations @ x / (x @ x)
        assert float(slope.abs().max()) < 0.09

        # Variance and covariance. The standard error of a variance is its √(2/8192), 0.015 at most; steps of
        # finite length take up to 0.03 of it, and training leaves 0.05. The correlations range to −0.49.
        covariance = deviations @ deviations.T / blocks
        torch.testing.assert_close(covariance, POSTERIOR_COVARIANCE, rtol=0, atol=0.09)
        torch.testing.assert_close(
            as_correlation(covariance), as_correlation(POSTERIOR_COVARIANCE), rtol=0, atol=0.08
        )

        # A draw explains what the camera saw, no better and no worse than it should.
        spread = float(WEIGHTS @ covariance @ WEIGHTS)
        assert spread == pytest.approx(float(WEIGHTS @ POSTERIOR_COVARIANCE @ WEIGHTS), rel=0.25)

        # Camera pixels side by side have nothing to do with each other.
        field = deviations.view(4, 512, SIDE, SIDE)
        across = torch.einsum("cbhw,dbhw->cd", field[..., 1:], field[..., :-1]) / field[0, ..., 1:].numel()
        assert float(across.abs().max()) < 0.06


def as_correlation(covariance: Tensor) -> Tensor:
    deviation = covariance.diag().sqrt()
    return covariance / torch.outer(deviation, deviation)
