"""One plane: its first pass and its draws."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration import tiling
from napari_cvdm.restoration.noise import gaussian_field
from napari_cvdm.restoration.orientations import quarter_turns, turn, turn_back
from napari_cvdm.restoration.plane import PlaneEstimate, PlaneRestorer
from napari_cvdm.restoration.posterior import PosteriorSettings, Sampler

CPU = torch.device("cpu")
SAMPLERS: tuple[Sampler, ...] = ("angular", "multistep", "ancestral", "deterministic")
each_sampler = pytest.mark.parametrize(
    "settings", [PosteriorSettings(sampler=s) for s in SAMPLERS], ids=SAMPLERS
)


@pytest.fixture
def plane() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((19, 30), dtype=np.float32)


def restorer(
    network: CVDM, tile: int | None = None, settings: PosteriorSettings | None = None
) -> PlaneRestorer:
    return PlaneRestorer(network, CPU, tile or "auto", settings or PosteriorSettings())


def draw(
    one: PlaneRestorer,
    estimate: PlaneEstimate,
    *,
    plane: int = 0,
    draw: int = 0,
    steps: int = 3,
    seed: int = 0,
) -> Tensor:
    *steps_done, sharp = one.draw(estimate, plane=plane, draw=draw, steps=steps, seed=seed)
    assert steps_done == [None] * steps
    assert sharp is not None
    return sharp


class TestEstimate:
    def test_is_that_of_the_network_on_the_padded_plane(
        self, model: PretrainedModel, plane: NDArray[np.float32]
    ) -> None:
        estimate = restorer(model.network).estimate(plane)
        network = model.network
        assert estimate.observation.shape[-2] % network.granularity == 0
        with torch.no_grad():
            expected = network.estimate(estimate.observation)
        for ours, theirs in zip((estimate.mean, estimate.scale, estimate.lam), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        assert estimate.nbytes == estimate.observation.numel() * 4 * (1 + 3 * 4)

    def test_zeros_outside_the_plane_are_kept_away_from_the_image(
        self, model: PretrainedModel, plane: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # A wider margin than needed changes little: the image's border is seen in plausible surroundings.
        def border(margin: int) -> Tensor:
            monkeypatch.setattr(tiling, "MARGIN", margin)
            one = restorer(model.network)
            estimate = one.estimate(plane)
            return one.picture(estimate, estimate.mean)

        none, ours, wide = map(border, (0, tiling.MARGIN, 64))
        assert float((ours - wide).abs().max()) < 0.1 * float((none - wide).abs().max())

    def test_does_not_write_to_the_plane(self, model: PretrainedModel, plane: NDArray[np.float32]) -> None:
        before = plane.copy()
        one = restorer(model.network)
        draw(one, one.estimate(plane.T))
        assert np.array_equal(plane, before)


class TestRefining:
    def test_is_nothing_for_one_orientation(self, model: PretrainedModel, plane: NDArray[np.float32]) -> None:
        one = restorer(model.network)
        estimate = one.estimate(plane)
        assert list(one.refine(estimate)) == [estimate]

    @pytest.mark.parametrize("count", [2, 4, 8])
    def test_averages_what_the_network_says_of_the_turned_plane(
        self, model: PretrainedModel, plane: NDArray[np.float32], count: int
    ) -> None:
        one = restorer(model.network, settings=PosteriorSettings(orientations=count))
        estimate = one.estimate(plane)
        before = estimate.mean.clone()
        *passes, refined = one.refine(estimate)
        assert passes == [None] * (count - 1)
        assert refined is not None
        assert torch.equal(estimate.mean, before)
        network, pictures = model.network, []
        for each in quarter_turns(count):
            with torch.no_grad():
                found = network.mean_and_scale(turn(estimate.observation, each))
            pictures.append([turn_back(network.unfold(part), each) for part in found])
        means, scales = (torch.stack(parts) for parts in zip(*pictures, strict=True))
        torch.testing.assert_close(network.unfold(refined.mean), means.mean(0), rtol=1e-4, atol=1e-5)
        expected = scales.square().mean(0).sqrt()
        torch.testing.assert_close(network.unfold(refined.scale), expected, rtol=1e-4, atol=1e-5)
        assert (refined.observation, refined.lam) == (estimate.observation, estimate.lam)

    def test_in_tiles_is_that_of_the_whole(self, model: PretrainedModel) -> None:
        plane = np.random.default_rng(0).random((60, 100), dtype=np.float32)
        pictures = []
        for tile in (None, 24):
            one = restorer(model.network, tile, PosteriorSettings(orientations=4))
            refined = list(one.refine(one.estimate(plane)))[-1]
            assert refined is not None
            pictures.append(refined.mean)
        torch.testing.assert_close(*pictures, rtol=1e-4, atol=1e-5)


class TestDraw:
    @each_sampler
    def test_is_the_mean_plus_scaled_residual(
        self, simple_model: PretrainedModel, plane: NDArray[np.float32], settings: PosteriorSettings
    ) -> None:
        one = restorer(simple_model.network, settings=settings)
        estimate = one.estimate(plane)
        sharp = draw(one, estimate, steps=20)
        assert sharp.shape == (38, 60)
        residual = (sharp - torch.from_numpy(plane.repeat(2, 0).repeat(2, 1))) / 0.1
        assert abs(float(residual.mean())) < 0.1
        assert float(residual.std()) == pytest.approx(1, rel=0.1)

    @each_sampler
    def test_noise_is_bound_to_plane_draw_and_seed(
        self, simple_model: PretrainedModel, plane: NDArray[np.float32], settings: PosteriorSettings
    ) -> None:
        one = restorer(simple_model.network, settings=settings)
        estimate = one.estimate(plane)
        centre = one.picture(estimate, estimate.mean)
        first = draw(one, estimate)
        assert torch.equal(draw(one, estimate), first)
        for other in ({"plane": 1}, {"draw": 2}, {"seed": 1}):
            residuals = torch.stack([first - centre, draw(one, estimate, **other) - centre])
            assert abs(float(torch.corrcoef(residuals.flatten(1))[0, 1])) < 0.1

    @each_sampler
    def test_pairs_are_mirror_images_for_an_odd_predictor(
        self, simple_model: PretrainedModel, plane: NDArray[np.float32], settings: PosteriorSettings
    ) -> None:
        one = restorer(simple_model.network, settings=settings)
        estimate = one.estimate(plane)
        pair_mean = (draw(one, estimate, draw=4) + draw(one, estimate, draw=5)) / 2
        torch.testing.assert_close(pair_mean, one.picture(estimate, estimate.mean), rtol=0, atol=1e-5)

    @pytest.mark.parametrize("steps", [1, 4, 8])
    def test_goes_to_the_residual_that_each_sampler_makes_of_the_first_noise(
        self, simple_model: PretrainedModel, plane: NDArray[np.float32], steps: int
    ) -> None:
        network = simple_model.network
        with torch.no_grad():
            gammas = torch.exp(-8.0 * network.clock(torch.tensor(network.sampling_times(steps))).integral)
        angles = gammas.sqrt().acos()
        # The predictor is that of a Gaussian of unit variance. Straight steps in angle leave the state alone;
        # those of η = 0 shrink it by the cosine of each, and at last to the prediction.
        turned = angles[-2].cos() * (angles[:-2] - angles[1:-1]).cos().prod()
        shrunk = {"angular": 1.0, "multistep": 1.0, "deterministic": turned}
        for sampler in SAMPLERS:
            one = restorer(network, settings=PosteriorSettings(sampler=sampler))
            estimate = one.estimate(plane)
            padding = estimate.padding
            first = gaussian_field(3, plane=1, draw=4, step=0, rows=padding.rows, columns=padding.columns)
            start = one.picture(estimate, first)
            done = draw(one, estimate, plane=1, draw=4, seed=3, steps=steps)
            residual = (done - one.picture(estimate, estimate.mean)) / 0.1
            if sampler in shrunk:
                torch.testing.assert_close(residual, shrunk[sampler] * start, rtol=0, atol=1e-4)
            elif steps > 1:
                # Fresh noise in every step: what it began with is forgotten.
                assert abs(float(torch.corrcoef(torch.stack([residual, start]).flatten(1))[0, 1])) < 0.1

    def test_samplers_without_fresh_noise_follow_one_differential_equation(
        self, model: PretrainedModel, plane: NDArray[np.float32]
    ) -> None:
        def by(sampler: Sampler, steps: int = 100) -> Tensor:
            one = restorer(model.network, settings=PosteriorSettings(sampler=sampler))
            return draw(one, one.estimate(plane), steps=steps)

        angular, multistep, ancestral, deterministic = (by(sampler) for sampler in SAMPLERS)
        spread = float(angular.std())
        assert float((angular - multistep).abs().mean()) < 0.05 * spread
        assert float((angular - deterministic).abs().mean()) < 0.05 * spread
        assert float((angular - ancestral).abs().mean()) > 0.2 * spread
        # The rule of second order is the one that needs fewer steps.
        first, second = (float((by(each, 12) - multistep).abs().mean()) for each in SAMPLERS[:2])
        assert second < 0.5 * first

    def test_does_not_depend_on_the_surroundings_the_networks_cannot_see(
        self, model: PretrainedModel
    ) -> None:
        # Noise is bound to the image's own pixels, so a crop differs from the whole only near the cut.
        image = np.random.default_rng(0).random((40, 200), dtype=np.float32)
        one = restorer(model.network)
        whole, part = (draw(one, one.estimate(each), steps=2) for each in (image, image[:, :160]))
        reach = 2 * model.network.noise_network.receptive_field + model.network.receptive_field
        seen = 2 * (160 - reach)
        assert seen > 0
        torch.testing.assert_close(part[:, :seen], whole[:, :seen], rtol=1e-3, atol=1e-4)
        assert not torch.allclose(part[:, -20:], whole[:, 300:320], rtol=1e-2)
