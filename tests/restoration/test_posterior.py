"""Mean and standard deviation of draws, where the truth is known."""

import math

import pytest
import torch
from torch import Tensor

from napari_cvdm.restoration.posterior import Calibration, PosteriorSettings, RunningPosterior

PIXELS = 200_000
SIGMA = 0.3


def gaussian_draws(count: int, correlation: float, seed: int = 0) -> list[Tensor]:
    """Draws about 1, correlated within each pair (0, 1), (2, 3), ..."""
    generator = torch.Generator().manual_seed(seed)
    draws: list[Tensor] = []
    for draw in range(count):
        fresh = SIGMA * torch.randn(PIXELS, generator=generator)
        if draw % 2:
            fresh = correlation * (draws[-1] - 1) + math.sqrt(1 - correlation**2) * fresh
        draws.append(1 + fresh)
    return draws


def posterior_of(
    draws: list[Tensor], settings: PosteriorSettings | None = None, centre: float = 1.0
) -> RunningPosterior:
    like = draws[0]
    running = RunningPosterior(
        torch.full_like(like, centre), torch.full_like(like, 0.7), settings or PosteriorSettings()
    )
    for draw in draws:
        running.add(draw)
    return running


class TestStandardDeviation:
    @pytest.mark.parametrize("correlation", [-1.0, -0.8, -0.3, 0.0])
    @pytest.mark.parametrize("count", [3, 4, 5, 8, 9])
    def test_variance_is_unbiased_whatever_the_correlation_of_pairs(
        self, count: int, correlation: float
    ) -> None:
        variance = posterior_of(gaussian_draws(count, correlation)).std().square()
        # The relative standard error of the mean over pixels is below sqrt(2 / PIXELS).
        assert float(variance.mean()) == pytest.approx(SIGMA**2, rel=5 * math.sqrt(2 / PIXELS))

    def test_one_pair_takes_the_second_draw_for_the_mirror_of_the_first(self) -> None:
        variance = posterior_of(gaussian_draws(2, -1.0)).std().square()
        assert float(variance.mean()) == pytest.approx(SIGMA**2, rel=0.02)

    @pytest.mark.parametrize("count", [2, 3, 8])
    def test_independent_draws_have_the_usual_variance(self, count: int) -> None:
        draws = gaussian_draws(count, 0.0)
        std = posterior_of(draws, PosteriorSettings(antithetic=False)).std()
        torch.testing.assert_close(std, torch.stack(draws).std(0), rtol=1e-4, atol=1e-6)

    def test_no_draw_and_one_draw_fall_back_to_the_networks_scale(self) -> None:
        for settings in (PosteriorSettings(), PosteriorSettings(antithetic=False)):
            running = RunningPosterior(torch.ones(3), torch.full((3,), 0.7), settings)
            torch.testing.assert_close(running.mean(), torch.ones(3))
            torch.testing.assert_close(running.std(), torch.full((3,), 0.7))
            _, std = running.add(torch.tensor([5.0, 6, 7]))
            torch.testing.assert_close(std, torch.full((3,), 0.7))

    def test_a_large_offset_costs_no_digits(self) -> None:
        draws = [1000 + draw for draw in gaussian_draws(8, -0.8)]
        variance = posterior_of(draws, centre=1001.0).std().square()
        assert float(variance.mean()) == pytest.approx(SIGMA**2, rel=0.02)

    @pytest.mark.parametrize(("count", "looks"), [(8, 4), (3, 2)])  # a pair gives one, as does half of one
    def test_scale_weight_counts_the_networks_scale_as_so_many_draws(self, count: int, looks: int) -> None:
        draws = gaussian_draws(count, -1.0)
        plain = posterior_of(draws).std()
        steadied = posterior_of(draws, PosteriorSettings(scale_weight=2.0)).std()
        expected = ((looks * plain.square() + 2 * 0.7**2) / (looks + 2)).sqrt()
        torch.testing.assert_close(steadied, expected)

    @pytest.mark.parametrize(("antithetic", "looks"), [(True, 4), (False, 7)])
    def test_more_draws_than_were_calibrated_do_not_change_the_weights(
        self, antithetic: bool, looks: int
    ) -> None:
        draws = gaussian_draws(24, -1.0 if antithetic else 0.0)
        plain = posterior_of(draws, PosteriorSettings(antithetic=antithetic)).std()
        steadied = posterior_of(draws, PosteriorSettings(antithetic=antithetic, scale_weight=8.0)).std()
        expected = ((looks * plain.square() + 8 * 0.7**2) / (looks + 8)).sqrt()
        torch.testing.assert_close(steadied, expected)


class TestMean:
    @pytest.mark.parametrize("antithetic", [True, False])
    def test_of_an_even_number_of_draws_is_their_plain_mean(self, antithetic: bool) -> None:
        draws = gaussian_draws(6, -0.5)
        mean = posterior_of(draws, PosteriorSettings(antithetic=antithetic), centre=0.0).mean()
        torch.testing.assert_close(mean, torch.stack(draws).mean(0))

    def test_a_draw_without_its_partner_adds_no_noise(self) -> None:
        draws = gaussian_draws(3, -1.0)
        errors = [(posterior_of(draws[:n]).mean() - 1).square().mean().item() for n in (1, 2, 3)]
        assert max(errors) < 1e-9
        # ... but is not forgotten either: its pair counts as the mean network's picture.
        off = posterior_of(draws, centre=1.3).mean()
        torch.testing.assert_close(off, torch.full_like(off, 1.15))

    def test_a_single_independent_draw_is_the_mean(self) -> None:
        draws = gaussian_draws(1, 0.0)
        torch.testing.assert_close(posterior_of(draws, PosteriorSettings(antithetic=False)).mean(), draws[0])

    @pytest.mark.parametrize("shrinkage", [0.0, 0.25, 1.0])
    def test_shrinkage_pulls_towards_the_mean_network(self, shrinkage: float) -> None:
        draws = gaussian_draws(4, -0.5)
        mean = posterior_of(draws, PosteriorSettings(shrinkage=shrinkage), centre=2.0).mean()
        plain = torch.stack(draws).mean(0)
        torch.testing.assert_close(mean, (1 - shrinkage) * plain + shrinkage * 2.0)

    def test_reading_changes_nothing(self) -> None:
        draws = gaussian_draws(3, -0.5)
        running = posterior_of(draws)
        first = running.mean().clone(), running.std().clone()
        running.mean().add_(1)
        running.std().add_(1)
        assert torch.equal(running.mean(), first[0])
        assert torch.equal(running.std(), first[1])

    def test_adding_leaves_the_draws_alone(self) -> None:
        draws = gaussian_draws(4, -0.5)
        before = [draw.clone() for draw in draws]
        posterior_of(draws)
        assert all(torch.equal(a, b) for a, b in zip(draws, before, strict=True))


class TestSettings:
    def test_pairs_share_a_noise_field_of_opposite_sign(self) -> None:
        settings = PosteriorSettings()
        assert [settings.noise_of(draw) for draw in range(4)] == [(0, 1.0), (0, -1.0), (2, 1.0), (2, -1.0)]
        independent = PosteriorSettings(antithetic=False)
        assert [independent.noise_of(draw) for draw in range(3)] == [(0, 1.0), (1, 1.0), (2, 1.0)]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"shrinkage": 1.1},
            {"shrinkage": -0.1},
            {"scale_weight": -1.0},
            {"sampler": "euler"},
            {"orientations": 3},
        ],
    )
    def test_impossible_values_are_refused(self, wrong: dict[str, float | str]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            PosteriorSettings(**wrong)  # type: ignore[arg-type]


class TestCalibration:
    @pytest.mark.parametrize("card", [None, {"kind": "isotonic", "knots": [0.0, 1.0]}, {}])
    def test_what_cannot_be_applied_is_none(self, card: dict[str, object] | None) -> None:
        assert Calibration.from_card(card) is None

    def test_a_curve_goes_through_its_knots(self) -> None:
        card = {"kind": "monotone", "stated": [0.1, 0.2, 0.5], "actual": [0.15, 0.2, 0.2]}
        calibration = Calibration.from_card(card | {"levels": [0.9], "factors": [1.5]})
        assert calibration is not None
        assert calibration.factors == {0.9: 1.5}
        # Straight in between and towards 0; beyond the last knot in proportion to it.
        stated = torch.tensor([0.0, 0.05, 0.1, 0.15, 0.2, 0.35, 0.5, 1.0])
        before = stated.clone()
        expected = torch.tensor([0.0, 0.075, 0.15, 0.175, 0.2, 0.2, 0.2, 0.4])
        torch.testing.assert_close(calibration.apply(stated), expected)
        assert torch.equal(stated, before)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"stated": [], "actual": []},
            {"stated": [0.1], "actual": [0.1, 0.2]},
            {"stated": [0.2, 0.1]},
            {"stated": [0.0, 0.1]},
            {"actual": [0.3, 0.2]},
            {"actual": [-0.1, 0.2]},
            {"levels": [0.9], "factors": []},
        ],
    )
    def test_a_curve_that_is_none_is_not_applied(self, wrong: dict[str, list[float]]) -> None:
        card = {"kind": "monotone", "stated": [0.1, 0.2], "actual": [0.1, 0.2]}
        assert Calibration.from_card(card) is not None
        assert Calibration.from_card(card | wrong) is None
