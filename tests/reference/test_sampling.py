from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from napari_cvdm.reference.model import ReferenceCVDM
from napari_cvdm.reference.sampling import published_steps, sample, separable_alphas

Far = Callable[[Tensor, Tensor], float]


def test_a_whole_run_is_that_of_the_authors(recording: Any, far: Far) -> None:
    noise, steps = recording.image("sample_noise"), int(recording.arrays["sample_T"])
    drawn = sample(recording.network, recording.image("sample_x"), steps, lambda number: noise[number])
    # The network of three channels drives γ to its bounds on purpose, where rounding is amplified.
    assert far(drawn, recording.image("sample_out")) < (2e-4 if recording.network.config.zero_mean else 5e-4)


def test_a_draw_can_be_used_where_gradients_are_taken(make_network: Callable[..., ReferenceCVDM]) -> None:
    fields = torch.randn(4, 1, 1, 16, 16)
    drawn = sample(make_network(), torch.zeros(1, 1, 16, 16), 3, fields.__getitem__)
    assert not drawn.requires_grad
    gain = torch.ones((), dtype=drawn.dtype, requires_grad=True)
    (gain * drawn).sum().backward()
    torch.testing.assert_close(gain.grad, drawn.sum())


@torch.inference_mode()
def test_alpha_and_its_running_product_are_those_of_the_authors(recording: Any) -> None:
    network, x = recording.network, recording.image("sample_x")
    steps = int(recording.arrays["sample_T"])
    alpha = separable_alphas(network.schedule.rate(x), network.schedule.beta_table(steps))
    recorded = torch.from_numpy(recording.arrays["sample_alpha_vec"]).permute(4, 0, 3, 1, 2)
    for step in range(steps):
        torch.testing.assert_close(alpha(step).float(), recorded[step], rtol=0, atol=2e-6)
    gammas: list[Tensor] = []

    def predict(state: Tensor, gamma: Tensor) -> Tensor:
        gammas.append(gamma)
        return torch.zeros_like(state)

    list(published_steps(predict, lambda step: recorded[step].double(), steps, lambda _: recorded[0]))
    products = recording.arrays["sample_gamma_vec"]
    for place, step in enumerate((1, 4, 9)):
        theirs = torch.from_numpy(products[..., place]).permute(0, 3, 1, 2).float()
        torch.testing.assert_close(gammas[steps - 1 - step], theirs, rtol=1e-6, atol=0)


def test_the_schedule_network_runs_once(make_network: Callable[..., ReferenceCVDM]) -> None:
    network, fields = make_network(), torch.randn(6, 1, 1, 32, 16)
    passes: list[object] = []
    network.schedule.unet.register_forward_hook(lambda *_: passes.append(0))
    sample(network, torch.zeros(1, 1, 32, 16), 5, fields.__getitem__)
    assert len(passes) == 1


def test_a_run_takes_the_first_field_and_those_from_the_third_on() -> None:
    taken: list[int] = []

    def noise(number: int) -> Tensor:
        taken.append(number)
        return torch.ones(2)

    states = list(
        published_steps(lambda state, gamma: state, lambda step: torch.tensor([0.9, 0.8]).double(), 4, noise)
    )
    assert len(states) == 3
    assert taken == [0, 2, 3]
    assert states[0].dtype == torch.float64


def test_a_perfect_network_brings_back_the_residual_it_knows() -> None:
    """Whatever the steps, if the noise in the state is told exactly, the draw is the truth."""
    truth = torch.tensor([0.3, -1.2, 0.0])

    def predict(state: Tensor, gamma: Tensor) -> Tensor:
        return (state - gamma.sqrt() * truth) / (1 - gamma).sqrt()

    torch.manual_seed(0)
    *_, drawn = published_steps(
        predict, lambda step: torch.tensor(1 - 0.04 * step).double(), 12, lambda _: torch.randn(3)
    )
    torch.testing.assert_close(drawn.float(), truth, rtol=0, atol=1e-5)


@pytest.mark.parametrize("steps", [0, 1])
def test_too_few_steps_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match="at least 2 steps"):
        next(published_steps(lambda s, g: s, lambda _: torch.ones(1), steps, lambda _: torch.ones(1)))
