"""What the authors' implementation computed, computed again: noise, mean, γ, β."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from napari_cvdm.reference.model import ReferenceCVDM

MakeNetwork = Callable[..., ReferenceCVDM]
Far = Callable[[Tensor, Tensor], float]


@torch.inference_mode()
def test_the_noise_is_that_of_the_authors(recording: Any, far: Far) -> None:
    noise = recording.network.predict_noise(
        recording.image("noisy"),
        recording.image("x"),
        recording.image("gamma_in"),
        recording.images("mean_in"),
    )
    assert far(noise, recording.image("noise_out")) < 1e-4


@torch.inference_mode()
def test_the_mean_is_that_of_the_authors(recording: Any, far: Far) -> None:
    network = recording.network
    if "mean_out" not in recording.arrays:
        assert network.mean(recording.image("x")) is None
        return
    latents: list[Tensor] = []
    hook = network.mean_network.bottom.register_forward_hook(lambda *parts: latents.append(parts[-1]))
    mean = network.mean(recording.image("x"))
    hook.remove()
    (latent,) = latents
    assert far(mean, recording.image("mean_out")) < 1e-4
    assert far(latent, recording.image("mean_latent")) < 1e-4


@torch.inference_mode()
def test_the_images_of_a_batch_know_nothing_of_each_other(make_network: MakeNetwork) -> None:
    for kind in ("sr3", "unet"):
        network = make_network(kind, mean_width=0)
        x, noisy, gamma = torch.rand(3, 2, 1, 32, 48).unbind()
        together = network.predict_noise(noisy, x, gamma)
        alone = network.predict_noise(noisy[1:], x[1:], gamma[1:])
        torch.testing.assert_close(together[1:], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["sr3", "unet"])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (3, 1), (2, 3)])
@torch.inference_mode()
def test_channels_and_sides_may_be_any_that_fit(
    make_network: MakeNetwork, kind: str, inputs: int, outputs: int
) -> None:
    network = make_network(kind, in_channels=inputs, out_channels=outputs, adds_input=False, mean_width=2)
    x, state = torch.rand(1, inputs, 16, 48), torch.rand(1, outputs, 16, 48)
    mean = network.mean(x)
    assert mean is not None
    assert network.predict_noise(state, x, state, mean).shape == state.shape
    gamma, beta = network.schedule(x, state)
    assert gamma.shape == beta.shape == state.shape


def test_the_mean_is_given_under_zero_mean_diffusion_and_only_there(make_network: MakeNetwork) -> None:
    x = torch.zeros(1, 1, 16, 16)
    with pytest.raises(ValueError, match="mean is needed"):
        make_network().predict_noise(x, x, x)
    with pytest.raises(ValueError, match="mean is needed"):
        make_network(mean_width=0).predict_noise(x, x, x, x)


def test_an_image_is_finished_as_the_network_was_trained(make_network: MakeNetwork) -> None:
    x, drawn = torch.tensor([0.5, -0.5]), torch.tensor([0.25, -0.75])
    assert make_network().finish(x, drawn).tolist() == [0.75, -1.0]
    assert make_network(adds_input=False).finish(x, drawn).tolist() == [0.25, -0.75]


@torch.inference_mode()
def test_a_trial_shows_weights_that_compute_nonsense(make_network: MakeNetwork) -> None:
    network = make_network()
    answers, rate = network.trial()
    assert all(bool(each.isfinite().all()) for each in answers)
    assert bool((rate > 0).all())
    assert network.noise_network.out_conv.bias is not None
    network.noise_network.out_conv.bias.fill_(3e38)
    network.noise_network.out_conv.weight.fill_(3e38)
    assert not all(bool(each.isfinite().all()) for each in network.trial()[0])
