"""Planes restored with the authors' networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_cvdm.reference.config import ReferenceConfig
from napari_cvdm.reference.model import ReferenceCVDM
from napari_cvdm.reference.sampling import sample
from napari_cvdm.restoration.blended import BlendedEstimate, BlendedRestorer
from napari_cvdm.restoration.noise import gaussian_field
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.tiling import pad_by_reflection, plan_padding

CPU = torch.device("cpu")
INDEPENDENT = PosteriorSettings(antithetic=False, sampler="published")
SMALL = {"noise_kind": "unet", "in_channels": 1, "out_channels": 1, "noise_widths": (2,), "schedule_width": 2}

MakeNetwork = Callable[..., ReferenceCVDM]


@pytest.fixture
def make_network() -> MakeNetwork:
    def make(**changes: Any) -> ReferenceCVDM:
        torch.manual_seed(0)
        network = ReferenceCVDM(
            ReferenceConfig(**{**SMALL, "time_units": 16, "training_size": 32, **changes})
        )
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
            network.schedule.beta_time.line.bias.fill_(2.0)  # type: ignore[union-attr]
        return network.eval().requires_grad_(False)

    return make


@pytest.fixture
def plane() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((32, 16), dtype=np.float32)


def restorer(
    network: ReferenceCVDM, tile: int | None = None, checkpoint: Callable[[], None] = lambda: None
) -> BlendedRestorer:
    return BlendedRestorer(network, CPU, tile or "auto", INDEPENDENT, checkpoint)


def draw(one: BlendedRestorer, estimate: BlendedEstimate, *, number: int = 0, steps: int = 3) -> Tensor:
    *done, sharp = one.draw(estimate, plane=2, draw=number, steps=steps, seed=5)
    assert done == [None] * steps
    assert sharp is not None
    return sharp


@pytest.mark.parametrize("changes", [{}, {"mean_width": 2}, {"mean_width": 2, "adds_input": False}])
def test_an_image_of_the_training_size_is_restored_as_the_published_code_would(
    make_network: MakeNetwork, plane: NDArray[np.float32], changes: dict[str, Any]
) -> None:
    network = make_network(**changes)
    one = restorer(network)
    ours = draw(one, one.estimate(plane), number=3, steps=4)
    x = 2 * torch.from_numpy(plane)[None, None] - 1

    def noise(step: int) -> Tensor:
        return gaussian_field(5, plane=2, draw=3, step=step, rows=range(32), columns=range(16), channels=1)

    theirs = (network.finish(x, sample(network, x, 4, noise)) + 1) / 2
    torch.testing.assert_close(ours, theirs[0, 0].float(), rtol=0, atol=1e-6)


def test_the_first_picture_is_the_mean_network_s_or_else_the_image(
    make_network: MakeNetwork, plane: NDArray[np.float32]
) -> None:
    with_mean, without = make_network(mean_width=2), make_network()
    x = 2 * torch.from_numpy(plane)[None, None] - 1
    one = restorer(with_mean)
    estimate = one.estimate(plane)
    mean = with_mean.mean(x)
    assert mean is not None
    expected = ((x + mean).clamp(-1, 1) + 1) / 2
    torch.testing.assert_close(one.picture(estimate, estimate.mean), expected[0, 0], rtol=0, atol=1e-6)
    assert estimate.scale.unique().tolist() == [0.25]
    assert estimate.nbytes == 6 * x.nbytes  # the rate of the schedule is in double precision
    one = restorer(without)
    estimate = one.estimate(plane)
    picture = one.picture(estimate, estimate.mean)
    torch.testing.assert_close(picture, torch.from_numpy(plane), rtol=0, atol=1e-6)
    assert estimate.scale.unique().tolist() == [0.5]
    assert estimate.nbytes == 5 * x.nbytes


@pytest.mark.parametrize("shape", [(8, 9), (33, 50), (100, 17)])
def test_any_size_is_restored_to_its_own_size(make_network: MakeNetwork, shape: tuple[int, int]) -> None:
    one = restorer(make_network(mean_width=2))
    image = np.random.default_rng(1).random(shape, dtype=np.float32)
    sharp = draw(one, one.estimate(image), steps=2)
    assert sharp.shape == shape
    assert bool(sharp.isfinite().all())
    assert 0 <= float(sharp.min()) <= float(sharp.max()) <= 1


def test_a_camera_image_is_enlarged_first(make_network: MakeNetwork) -> None:
    rows, columns = np.mgrid[:20, :12].astype(np.float32)
    ramp = (rows + 2 * columns) / 50
    one = restorer(make_network(upscaling=2))
    picture = one.picture(estimate := one.estimate(ramp), estimate.mean)
    assert picture.shape == (40, 24)
    # Fine pixel 2k + 1/2 ∓ 1/4 of a camera pixel: areas keep their place.
    inner = picture[8:-8, 8:-8]
    expected = torch.from_numpy(((np.arange(40)[:, None] - 0.5) / 2 + (np.arange(24) - 0.5)) / 50).float()
    torch.testing.assert_close(inner, expected[8:-8, 8:-8], rtol=0, atol=1e-3)
    assert draw(one, estimate, steps=2).shape == (40, 24)


def test_the_same_seed_gives_the_same_pixels_and_each_draw_others(
    make_network: MakeNetwork, plane: NDArray[np.float32]
) -> None:
    network = make_network()
    first, again = (draw(one, one.estimate(plane)) for one in (restorer(network), restorer(network)))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    one = restorer(network)
    assert not torch.equal(draw(one, one.estimate(plane), number=1), first)


def test_draws_spread_as_widely_where_tiles_meet(make_network: MakeNetwork) -> None:
    """Blending images drawn apart would shrink the spread there to 0.71 of itself."""
    network = make_network()
    noisy = network.noise_network
    # A network that answers with a share of its state, everywhere the same: so is the spread of its draws.
    cast(Any, noisy).forward = lambda x, gamma: 0.9 * (1 - gamma).sqrt() * x[:, :1]
    one = restorer(network, tile=32)
    estimate = one.estimate(np.full((32, 160), 0.5, np.float32))
    draws = torch.stack([draw(one, estimate, number=number, steps=3) for number in range(40)])
    spread = draws.std(dim=0).mean(dim=0)
    assert float(spread.min() / spread.max()) > 0.9
    assert float(spread.min()) > 0.01


def test_tiles_have_the_training_size_unless_another_is_asked_for(make_network: MakeNetwork) -> None:
    seen: list[tuple[int, ...]] = []
    network = make_network()
    network.noise_network.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape)))
    for tile, sides in ((None, {32}), (40, {48})):
        one = restorer(network, tile)
        draw(one, one.estimate(np.random.default_rng(0).random((100, 100), dtype=np.float32)), steps=2)
        assert {side for shape in seen for side in shape[-2:]} == sides
        seen.clear()


def test_every_tile_of_every_pass_can_cancel(make_network: MakeNetwork) -> None:
    asked: list[int] = []

    def checkpoint() -> None:
        asked.append(0)
        if len(asked) == 20:
            raise KeyboardInterrupt

    one = restorer(make_network(), checkpoint=checkpoint)
    estimate = one.estimate(np.random.default_rng(0).random((64, 64), dtype=np.float32))
    assert len(asked) == 9
    with pytest.raises(KeyboardInterrupt):
        draw(one, estimate)
    assert len(asked) == 20


def test_a_plane_that_is_padded_already_is_restored_without_its_margin(
    make_network: MakeNetwork, plane: NDArray[np.float32]
) -> None:
    one, plane = restorer(make_network()), plane[:30]
    padding = plan_padding(30, 16, 16)
    padded = pad_by_reflection(torch.from_numpy(plane), padding).numpy()
    estimate = one.estimate(padded, padding)
    torch.testing.assert_close(draw(one, estimate), draw(one, one.estimate(plane)), rtol=0, atol=0)


def test_the_network_given_is_left_as_it_is(make_network: MakeNetwork, plane: NDArray[np.float32]) -> None:
    network = make_network(mean_width=2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    one = restorer(network)
    draw(one, one.estimate(plane))
    for name, tensor in network.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
    assert torch.is_inference_mode_enabled() is False
