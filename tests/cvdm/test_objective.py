"""The objective: every term against its definition, its weight, and whom its gradient reaches."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.cvdm.objective import (
    ObjectiveTerms,
    ObjectiveWeights,
    diffuse,
    objective,
    prior_divergence,
)
from napari_cvdm.cvdm.schedule import Clock

Randomise = Callable[[nn.Module, int], nn.Module]

TINY = CVDMConfig(
    mean_widths=(3, 4),
    mean_blocks=(1, 1),
    noise_widths=(4, 3),
    noise_blocks=(1, 1),
    scale_width=3,
    rate_width=3,
    clock_units=4,
)
NOTHING = ObjectiveWeights(noise=0, prior=0, ends=0, smooth=0, mean=0, scale=0)
PARTS = ("mean_network", "scale_head", "noise_network", "rate_network", "clock")


class LateClock(nn.Module):
    """A clock that starts at 0.05 instead of 0, and ends at 0.95: what the end-point terms are there for."""

    def forward(self, t: Tensor) -> Clock:
        return Clock(0.05 + 0.9 * t**2, 1.8 * t, torch.full_like(t, 1.8))


class Setting:
    """A tiny model with random weights, a batch, and what the terms are made of, by their definitions."""

    def __init__(self, randomise: Randomise) -> None:
        self.model = CVDM(TINY)
        randomise(self.model, 1)
        generator = torch.Generator().manual_seed(2)
        self.x = torch.randn(3, 1, 6, 4, generator=generator)
        self.y = torch.randn(3, 1, 12, 8, generator=generator)
        self.t = torch.tensor([0.07, 0.4, 0.83])
        self.noise = torch.randn(3, 4, 6, 4, generator=generator)
        with torch.no_grad():
            self.mean, self.scale, self.lam = self.model.estimate(self.x)
        self.target = self.model.fold(self.y)
        self.residual = (self.target - self.mean) / self.scale

    def gamma(self, t: Tensor) -> Tensor:
        integral: Tensor = self.model.clock(t.view(-1, 1, 1, 1)).integral
        return torch.exp(-self.lam * integral)

    def evaluate(self, weights: ObjectiveWeights | None = None, **changes: Tensor) -> ObjectiveTerms:
        inputs = {"x": self.x, "y": self.y, "t": self.t, "noise": self.noise, **changes}
        return objective(self.model, **inputs, weights=weights)


@pytest.fixture
def setting(randomise: Randomise) -> Setting:
    return Setting(randomise)


class TestDiffuse:
    def test_keeps_the_shares_of_signal_and_noise(self) -> None:
        target, noise = torch.tensor([2.0, 2.0, 2.0]), torch.tensor([5.0, 5.0, 5.0])
        z = diffuse(target, torch.tensor([1.0, 0.36, 0.0]), noise)
        torch.testing.assert_close(z, torch.tensor([2.0, 0.6 * 2 + 0.8 * 5, 5.0]))

    def test_is_defined_where_rounding_lifts_gamma_above_one(self) -> None:
        z = diffuse(torch.ones(1), torch.tensor([1.0000001]), torch.ones(1))
        assert torch.isfinite(z).all()


class TestPriorDivergence:
    def test_is_the_divergence_of_two_gaussians(self) -> None:
        generator = torch.Generator().manual_seed(0)
        target = 2 * torch.randn(2, 4, 5, 5, generator=generator, dtype=torch.float64)
        gamma = 0.6 * torch.rand(2, 4, 5, 5, generator=generator, dtype=torch.float64)
        expected = kl_divergence(Normal(gamma.sqrt() * target, (1 - gamma).sqrt()), Normal(0.0, 1.0))
        torch.testing.assert_close(prior_divergence(target, gamma), expected.mean())

    def test_vanishes_with_gamma(self) -> None:
        assert float(prior_divergence(torch.full((3,), 4.0), torch.zeros(3))) == 0

    def test_does_not_drown_in_rounding(self) -> None:
        # KL = γ²/4 + O(γ³) for a target of 0: far below the rounding of log(1 − γ), were it taken as such.
        gamma = torch.full((1,), 1e-4)
        assert float(prior_divergence(torch.zeros(1), gamma)) == pytest.approx(2.5e-9, rel=0.01)


class TestTerms:
    def test_mean_is_the_squared_error_relative_to_what_is_expected(self, setting: Setting) -> None:
        squares = (setting.y - setting.model.unfold(setting.mean)).square().flatten(1).mean(dim=1)
        expected = setting.scale.square().flatten(1).mean(dim=1)
        torch.testing.assert_close(setting.evaluate().mean, 0.5 * (squares / expected).mean())

    def test_another_target_of_the_mean_changes_nothing_else(self, setting: Setting) -> None:
        plain, taught = setting.evaluate(), setting.evaluate(mean_target=setting.mean + setting.scale)
        torch.testing.assert_close(taught.mean, torch.tensor(0.5))  # each error is as large as expected
        for name in ("noise", "prior", "ends", "smooth", "scale"):
            torch.testing.assert_close(getattr(taught, name), getattr(plain, name))

    def test_faint_image_weighs_as_much_as_a_bright_one(
        self, setting: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contrast = torch.tensor([1.0, 1.0, 1e-3]).view(3, 1, 1, 1)
        mean, scale = setting.mean, torch.full_like(setting.mean, 0.5)
        monkeypatch.setattr(setting.model, "mean_and_scale", lambda x: (mean * contrast, scale * contrast))
        bright = setting.evaluate(y=setting.y * contrast).mean
        monkeypatch.setattr(setting.model, "mean_and_scale", lambda x: (mean, scale))
        torch.testing.assert_close(bright, setting.evaluate().mean)

    def test_scale_is_the_likelihood_of_the_residual(self, setting: Setting) -> None:
        likelihood = Normal(setting.mean, setting.scale).log_prob(setting.target).mean()
        constant = 0.5 * torch.log(torch.tensor(2 * torch.pi))
        torch.testing.assert_close(setting.evaluate().scale, -likelihood - constant)

    def test_prior_is_about_the_whitened_residual_at_the_end(self, setting: Setting) -> None:
        gamma = setting.gamma(torch.ones(3))
        last = Normal(gamma.sqrt() * setting.residual, (1 - gamma).sqrt())
        torch.testing.assert_close(
            setting.evaluate().prior, kl_divergence(last, Normal(0.0, 1.0)).mean(), rtol=1e-3, atol=1e-6
        )

    def test_ends_measure_what_is_missing_at_both(self, setting: Setting) -> None:
        setting.model.clock = LateClock()
        lam = setting.lam
        expected = (torch.exp(-0.05 * lam) - 1).square().mean() + torch.exp(-0.95 * lam).square().mean()
        torch.testing.assert_close(setting.evaluate().ends, expected)

    def test_ends_vanish_by_construction_but_for_the_last_trace(self, setting: Setting) -> None:
        expected = torch.exp(-2 * setting.lam).mean()
        torch.testing.assert_close(setting.evaluate().ends, expected, rtol=1e-4, atol=0)

    def test_smoothness_is_the_curvature_of_gamma(self, setting: Setting) -> None:
        lam = setting.lam.double()
        t = setting.t.double().view(-1, 1, 1, 1).expand_as(lam).clone().requires_grad_()
        gamma = torch.exp(-lam * setting.model.clock.double()(t).integral)
        (slope,) = torch.autograd.grad(gamma.sum(), t, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), t)
        setting.model.clock.float()
        for alpha in (1e-3, 0.7):
            terms = setting.evaluate(ObjectiveWeights(alpha=alpha))
            expected = alpha * curvature.square().mean()
            torch.testing.assert_close(terms.smooth, expected.float(), rtol=1e-4, atol=0)

    def test_noise_is_the_error_of_what_the_network_says_of_z(
        self, setting: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = torch.randn(3, 4, 6, 4, generator=torch.Generator().manual_seed(9))
        asked: dict[str, Tensor] = {}

        def predict_noise(z: Tensor, x: Tensor, mean: Tensor, scale: Tensor, gamma: Tensor) -> Tensor:
            asked.update(z=z, x=x, mean=mean, scale=scale, gamma=gamma)
            return answer

        monkeypatch.setattr(setting.model, "predict_noise", predict_noise)
        terms = setting.evaluate()
        torch.testing.assert_close(terms.noise, (answer - setting.noise).square().mean())
        gamma = setting.gamma(setting.t)
        z = gamma.sqrt() * setting.residual + (1 - gamma).sqrt() * setting.noise
        expected = {"z": z, "x": setting.x, "mean": setting.mean, "scale": setting.scale, "gamma": gamma}
        assert asked.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(asked[name].detach(), value, msg=lambda text, name=name: name + text)

    def test_noise_vanishes_for_one_who_knows_the_truth(
        self, setting: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def oracle(z: Tensor, x: Tensor, mean: Tensor, scale: Tensor, gamma: Tensor) -> Tensor:
            residual = (setting.model.fold(setting.y) - mean) / scale
            return (z - gamma.sqrt() * residual) / (1 - gamma).sqrt()

        monkeypatch.setattr(setting.model, "predict_noise", oracle)
        assert float(setting.evaluate().noise.detach()) < 1e-9


class TestWeights:
    def test_diffusion_terms_weigh_one_to_two_to_two_to_two(self, setting: Setting) -> None:
        terms = setting.evaluate().to_floats()
        diffusion = terms["noise"] + 2 * (terms["prior"] + terms["ends"] + terms["smooth"])
        total = diffusion + 0.1 * (terms["mean"] + terms["scale"])
        assert terms["total"] == pytest.approx(total, rel=1e-5)
        assert ObjectiveWeights().alpha == 1e-3

    @pytest.mark.parametrize("name", ["noise", "prior", "ends", "smooth", "mean", "scale"])
    def test_each_weight_belongs_to_its_term(self, setting: Setting, name: str) -> None:
        terms = setting.evaluate(replace(NOTHING, **{name: 3.0}))
        torch.testing.assert_close(terms.total, 3.0 * getattr(terms, name), rtol=1e-6, atol=0)


class TestGradients:
    @pytest.mark.parametrize(
        ("term", "reached"),
        [
            ("noise", {"noise_network", "rate_network", "clock"}),
            ("prior", {"rate_network"}),
            ("ends", {"rate_network"}),
            ("smooth", {"rate_network", "clock"}),
            ("mean", {"mean_network"}),
            ("scale", {"scale_head"}),
        ],
    )
    def test_reaches_whom_the_term_trains_and_nobody_else(
        self, setting: Setting, term: str, reached: set[str]
    ) -> None:
        setting.evaluate(replace(NOTHING, **{term: 1.0})).total.backward()
        for part in PARTS:
            gradients = [p.grad for p in getattr(setting.model, part).parameters()]
            sizes = [0.0 if g is None else float(g.abs().max()) for g in gradients]
            if part in reached:
                assert min(sizes) > 0, part
            elif part == "clock":  # Γ(1) is 1 whatever the parameters, but for rounding
                assert max(sizes) < 1e-7
            else:
                assert max(sizes) == 0, part

    def test_scale_and_diffusion_leave_the_mean_a_least_squares_fit(self, setting: Setting) -> None:
        def gradient(weights: ObjectiveWeights) -> list[Tensor]:
            setting.model.zero_grad()
            setting.evaluate(weights).total.backward()
            return [p.grad.clone() for p in setting.model.mean_network.parameters() if p.grad is not None]

        alone, together = (
            gradient(replace(NOTHING, mean=1.0)),
            gradient(ObjectiveWeights(mean=1.0, scale=50.0)),
        )
        assert len(alone) == len(together) > 0
        for a, b in zip(alone, together, strict=True):
            torch.testing.assert_close(a, b)

    @pytest.mark.parametrize("time", [1e-6, 0.5, 1.0])
    def test_is_finite_at_every_time(self, setting: Setting, time: float) -> None:
        self.check_finite(setting, time)

    @pytest.mark.parametrize("time", [0.0, 1e-9])
    def test_is_finite_at_the_start(self, setting: Setting, time: float) -> None:
        # Uniform times in single precision do hit 0, and one bad gradient ends a training.
        self.check_finite(setting, time)

    def check_finite(self, setting: Setting, time: float) -> None:
        terms = setting.evaluate(t=torch.tensor([0.3, time, 0.6]))
        terms.total.backward()
        assert torch.isfinite(terms.total)
        for name, parameter in setting.model.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
