"""What the tests of the method share: one thread, and weights as if trained."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Run on one thread: the tensors are tiny, and sums come out the same on every machine of a kind."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def randomise() -> Callable[[nn.Module, int], nn.Module]:
    """Fill all weights and biases at random: networks start with zeros that would hide what they connect."""

    def fill(module: nn.Module, seed: int) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in module.parameters():
                fan_in = parameter[0].numel() if parameter.ndim > 1 else 4
                values = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_(values * 1.5 / fan_in**0.5)
        return module

    return fill
