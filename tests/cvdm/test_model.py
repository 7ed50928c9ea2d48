"""The model: folding keeps every pixel in its place, the velocity form gives ε, and the mean stays alone."""

import json
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.cvdm.sampling import LEAST_GAMMA, angle_grid
from napari_cvdm.cvdm.schedule import FIXED_SCHEDULES, FixedClock

Randomise = Callable[[nn.Module, int], nn.Module]

SHALLOW = CVDMConfig(
    mean_widths=(4,), mean_blocks=(1,), noise_widths=(4,), noise_blocks=(1,), scale_width=4, rate_width=4
)
DEEP = CVDMConfig(
    mean_widths=(4, 5, 6),
    mean_blocks=(1, 1, 1),
    noise_widths=(4, 6),
    noise_blocks=(2, 1),
    scale_width=5,
    rate_width=4,
    clock_units=3,
)


def gaussian(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class TestConfig:
    @pytest.mark.parametrize("config", [CVDMConfig(), SHALLOW, DEEP, CVDMConfig(rate_bounds=(5.0, 9.0))])
    def test_survives_json(self, config: CVDMConfig) -> None:
        again = CVDMConfig.from_dict(json.loads(json.dumps(config.to_dict())))
        assert again == config
        assert hash(again) == hash(config)  # tuples again, not lists

    def test_describes_the_same_network(self) -> None:
        again = CVDM(CVDMConfig.from_dict(json.loads(json.dumps(DEEP.to_dict()))))
        again.load_state_dict(CVDM(DEEP).state_dict())

    def test_refuses_what_it_does_not_know(self) -> None:
        with pytest.raises(ValueError, match="unknown architecture settings: depth, groups"):
            CVDMConfig.from_dict({"upscaling": 2, "groups": 8, "depth": 3})


class TestFolding:
    @pytest.mark.parametrize("upscaling", [1, 2, 3])
    def test_each_channel_holds_one_place_within_the_camera_pixel(self, upscaling: int) -> None:
        model = CVDM(CVDMConfig(**{**SHALLOW.to_dict(), "upscaling": upscaling}))
        fine = gaussian(2, 1, 4 * upscaling, 5 * upscaling)
        folded = model.fold(fine)
        assert folded.shape == (2, upscaling**2, 4, 5)
        for row in range(upscaling):
            for column in range(upscaling):
                expected = fine[:, 0, row::upscaling, column::upscaling]
                assert torch.equal(folded[:, upscaling * row + column], expected)

    def test_unfold_is_the_inverse(self) -> None:
        model = CVDM(SHALLOW)
        fine, folded = gaussian(2, 1, 8, 12), gaussian(2, 4, 5, 3)
        assert torch.equal(model.unfold(model.fold(fine)), fine)
        assert torch.equal(model.fold(model.unfold(folded)), folded)

    def test_channels_average_to_the_camera_pixel(self) -> None:
        fine = gaussian(1, 1, 8, 12)
        camera = nn.functional.avg_pool2d(fine, 2)
        torch.testing.assert_close(CVDM(SHALLOW).fold(fine).mean(dim=1, keepdim=True), camera)


class TestEstimate:
    @torch.no_grad()
    @pytest.mark.parametrize("upscaling", [1, 2, 3])
    def test_has_one_value_for_each_fine_pixel(self, randomise: Randomise, upscaling: int) -> None:
        model = CVDM(CVDMConfig(**{**DEEP.to_dict(), "upscaling": upscaling}))
        randomise(model, 1)
        estimate = model.estimate(gaussian(3, 1, 8, 12))
        for field in estimate:
            assert field.shape == (3, upscaling**2, 8, 12)
            assert field.dtype == torch.float32
            assert field.std() > 1e-3

    @torch.no_grad()
    def test_mean_starts_alike_in_all_fine_pixels_of_a_camera_pixel(self) -> None:
        mean = CVDM(DEEP).estimate(gaussian(1, 1, 8, 12)).mean
        assert torch.equal(mean, mean[:, :1].expand_as(mean))
        assert mean.std() > 1e-3

    @torch.no_grad()
    def test_scale_never_falls_below_its_floor(self, randomise: Randomise) -> None:
        model = CVDM(DEEP)
        randomise(model, 2)
        _, scale = model.mean_and_scale(1e3 * gaussian(2, 1, 8, 8))
        assert (scale >= DEEP.scale_floor).all()
        last = model.scale_head[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.constant_(last.weight, 0)
        nn.init.constant_(last.bias, -50)  # type: ignore[arg-type]
        _, scale = model.mean_and_scale(gaussian(2, 1, 8, 8))
        torch.testing.assert_close(
            scale, torch.full_like(scale, DEEP.scale_floor)
        )  # and the floor is reached

    def test_scale_pulls_neither_at_the_mean_nor_at_its_features(self, randomise: Randomise) -> None:
        model = CVDM(DEEP)
        randomise(model, 3)
        _, scale = model.mean_and_scale(gaussian(1, 1, 8, 8))
        scale.log().sum().backward()
        assert all(p.grad is None for p in model.mean_network.parameters())
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.scale_head.parameters())

    @pytest.mark.parametrize("schedule", FIXED_SCHEDULES)
    @torch.no_grad()
    def test_fixed_schedule_has_one_rate_and_learns_nothing(self, schedule: str) -> None:
        model = CVDM(CVDMConfig(**{**SHALLOW.to_dict(), "schedule": schedule, "upscaling": 3}))
        assert isinstance(model.clock, FixedClock)
        assert model.clock.shape == schedule
        assert not [name for name, _ in model.named_parameters() if "rate" in name or "clock" in name]
        rate = model.estimate(gaussian(2, 1, 8, 8)).lam
        assert torch.equal(rate, torch.full((2, 9, 8, 8), model.config.rate_bounds[0]))

    @pytest.mark.parametrize("schedule", ["learned", "linear"])
    def test_sampling_times_are_even_for_the_rate_it_starts_with(self, schedule: str) -> None:
        model = CVDM(CVDMConfig(**{**SHALLOW.to_dict(), "schedule": schedule}))
        rate = float(model.rate(gaussian(1, 1, 8, 8)).detach().mean())
        assert model.sampling_times(9) == pytest.approx(angle_grid(9, model.clock, rate), abs=1e-6)


class TestPredictNoise:
    @torch.no_grad()
    def test_recovers_the_noise_from_its_velocity(self) -> None:
        model = CVDM(SHALLOW)
        residual, noise = gaussian(2, 4, 6, 6, seed=1), gaussian(2, 4, 6, 6, seed=2)
        # γ differs from pixel to pixel, ends included.
        gamma = torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(3))
        gamma[0, 0, 0, 0], gamma[0, 0, 0, 1] = 1.0, 0.0
        z = gamma.sqrt() * residual + (1 - gamma).sqrt() * noise
        velocity = gamma.sqrt() * noise - (1 - gamma).sqrt() * residual
        seen: list[Tensor] = []

        class Oracle(nn.Module):
            def forward(self, inputs: Tensor) -> Tensor:
                seen.append(inputs)
                return velocity

        model.noise_network = Oracle()
        x, mean = gaussian(2, 1, 6, 6, seed=4), gaussian(2, 4, 6, 6, seed=5)
        scale = gaussian(2, 4, 6, 6, seed=6).exp()
        predicted = model.predict_noise(z, x, mean, scale, gamma)
        torch.testing.assert_close(predicted, noise, rtol=1e-5, atol=1e-6)
        # Everything the network is promised reaches it, each exactly once.
        for given in (z, x, mean, scale.log(), gamma.sqrt(), (1 - gamma).sqrt()):
            width = given.shape[1]
            matches = [
                start
                for start in range(seen[0].shape[1] - width + 1)
                if torch.allclose(seen[0][:, start : start + width], given, atol=1e-6)
            ]
            assert len(matches) == 1
        assert seen[0].shape[1] == 5 * 4 + 1

    @torch.no_grad()
    def test_untrained_model_takes_the_residual_for_white_noise(self) -> None:
        # For r ~ N(0, 1), independent of all else, E[ε|z] = √(1−γ)·z: where training starts from.
        z, gamma = gaussian(1, 4, 8, 8), torch.full((1, 4, 8, 8), 0.3)
        model = CVDM(SHALLOW)
        predicted = model.predict_noise(z, z[:, :1], z, z.exp(), gamma)
        torch.testing.assert_close(predicted, 0.7**0.5 * z)

    @torch.no_grad()
    def test_implied_residual_stays_finite_where_the_signal_vanishes(self, randomise: Randomise) -> None:
        model = CVDM(SHALLOW)
        randomise(model, 4)
        z, x = gaussian(1, 4, 8, 8), gaussian(1, 1, 8, 8, seed=1)
        mean, scale = gaussian(1, 4, 8, 8, seed=2), gaussian(1, 4, 8, 8, seed=3).exp()
        gamma = torch.full_like(z, LEAST_GAMMA)
        noise = model.predict_noise(z, x, mean, scale, gamma)
        implied = (z - (1 - gamma).sqrt() * noise) / gamma.sqrt()
        inputs = torch.cat([z, x, mean, scale.log(), gamma.sqrt(), (1 - gamma).sqrt()], dim=1)
        velocity = model.noise_network(inputs)
        expected = gamma.sqrt() * z - (1 - gamma).sqrt() * velocity
        torch.testing.assert_close(implied, expected, rtol=0, atol=2e-3)


class TestScale:
    @torch.no_grad()
    def test_has_no_grid_of_the_folding(self) -> None:
        # Whatever the four fine pixels of a camera pixel disagree about everywhere, the map does not show.
        model = CVDM(SHALLOW)
        last = model.scale_head[-1]
        assert isinstance(last, nn.Conv2d)
        last.weight.zero_()
        last.bias.copy_(torch.tensor([0.0, 1.0, 2.0, 3.0]))
        scale = model.unfold(model.mean_and_scale(gaussian(1, 1, 16, 16))[1])[0, 0]
        assert float(scale[1:-1, 1:-1].std() / scale.mean()) < 1e-5
        expected = model.config.scale_floor + F.softplus(torch.arange(4.0) - 2).mean()
        torch.testing.assert_close(scale[5, 5], expected)

    @torch.no_grad()
    def test_keeps_its_level_to_the_border(self) -> None:
        model = CVDM(SHALLOW)
        last = model.scale_head[-1]
        assert isinstance(last, nn.Conv2d)
        last.weight.zero_()
        last.bias.fill_(0.7)
        scale = model.mean_and_scale(gaussian(1, 1, 16, 16))[1]
        torch.testing.assert_close(scale, torch.full_like(scale, float(scale[0, 0, 5, 5])))


class TestTrial:
    """What is looked at where weights of unknown origin are taken in."""

    @pytest.mark.parametrize(
        "part", ["mean_network", "scale_head", "noise_network", "rate_network", "clock", None]
    )
    @torch.no_grad()
    def test_asks_every_network(self, part: str | None) -> None:
        model = CVDM(SHALLOW)
        if part is not None:
            next(getattr(model, part).parameters()).fill_(float("nan"))
        answers, scale = model.trial()
        assert all(bool(each.isfinite().all()) for each in answers) == (part is None)
        assert part is not None or (scale > 0).all()

    @torch.no_grad()
    def test_finds_noise_whose_square_single_precision_cannot_hold(self) -> None:
        model = CVDM(SHALLOW)
        model.noise_network.head.bias.fill_(1e25)  # type: ignore[union-attr]
        assert not all(bool(each.isfinite().all()) for each in model.trial()[0])


DEPTHS = [
    pytest.param(SHALLOW, id="shallow"),
    pytest.param(DEEP, id="deep"),
    # Here the head of σ sees furthest, and nothing is rounded up.
    pytest.param(CVDMConfig(**{**SHALLOW.to_dict(), "mean_blocks": (3,)}), id="far-seeing scale"),
]


class TestLocality:
    @pytest.mark.parametrize("config", DEPTHS)
    def test_halo_covers_every_network(self, config: CVDMConfig) -> None:
        model = CVDM(config)
        assert model.receptive_field % model.granularity == 0
        side = 2 * (model.receptive_field + 2 * model.granularity)
        at = side // 2
        x = gaussian(1, 1, side, side)
        x[0, 0, at, at] = float("nan")  # gets through every connection, whatever the weight
        ones = torch.ones(1, 4, side, side)
        with torch.no_grad():
            fields = {
                **model.estimate(x)._asdict(),
                "noise": model.predict_noise(ones, x, ones, ones, 0.5 * ones),
            }
        reaches = {}
        for name, field in fields.items():
            rows, columns = field.isnan().any(dim=1)[0].nonzero(as_tuple=True)
            reaches[name] = max(int((rows - at).abs().max()), int((columns - at).abs().max()))
        assert min(reaches.values()) > 0
        assert max(reaches.values()) <= model.receptive_field, reaches
        # A much larger halo would be work for nothing.
        assert model.receptive_field <= max(reaches.values()) + 2 * model.granularity

    @torch.no_grad()
    @pytest.mark.parametrize("config", DEPTHS)
    def test_tile_with_halo_equals_whole(self, config: CVDMConfig, randomise: Randomise) -> None:
        model = CVDM(config)
        randomise(model, 5)
        halo, side, tile = model.receptive_field, 80, 8
        x, z = gaussian(1, 1, side, side), gaussian(1, 4, side, side, seed=1)
        whole = model.estimate(x)
        gamma = torch.exp(-0.05 * whole.lam)
        noise = model.predict_noise(z, x, whole.mean, whole.scale, gamma)
        for row, column in ((0, 0), (40, 32), (72, 40)):
            top, left = max(row - halo, 0), max(column - halo, 0)
            window = (..., slice(top, row + tile + halo), slice(left, column + tile + halo))
            inner = (..., slice(row - top, row - top + tile), slice(column - left, column - left + tile))
            place = (..., slice(row, row + tile), slice(column, column + tile))
            part = model.estimate(x[window])
            for ours, expected in zip(part, whole, strict=True):
                torch.testing.assert_close(ours[inner], expected[place], rtol=1e-4, atol=1e-4)
            # One pass of the noise network, given the fields of the whole.
            given = (field[window] for field in (z, x, whole.mean, whole.scale, gamma))
            predicted = model.predict_noise(*given)
            torch.testing.assert_close(predicted[inner], noise[place], rtol=1e-4, atol=1e-4)
