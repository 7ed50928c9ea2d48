from __future__ import annotations

import pytest
import torch

from napari_cvdm.reference.unet import UNet


@pytest.mark.parametrize(
    ("inputs", "gamma_inputs", "width", "parameters"),
    # As counted in the authors' code: noise, noise with a mean, schedule without its time models, mean.
    [
        (2, 1, 64, 48_805_505),
        (3, 1, 64, 48_806_081),
        (1, 1, 32, 14_407_687 - 2 * 11_267),
        (1, 0, 64, 48_801_729),
    ],
)
def test_it_has_as_many_parameters_as_the_authors(
    inputs: int, gamma_inputs: int, width: int, parameters: int
) -> None:
    with torch.device("meta"):
        network = UNet(inputs, gamma_inputs, width, 1)
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_a_second_input_is_not_forgotten() -> None:
    network = UNet(1, 1, 2, 1)
    with pytest.raises(ValueError, match="second input"):
        network(torch.zeros(1, 1, 16, 16))


@torch.inference_mode()
def test_it_looks_at_the_whole_tile() -> None:
    """Why tiles cannot be exact: a bright corner changes what is said about the opposite one."""
    torch.manual_seed(0)
    network, x = UNet(1, 0, 2, 1).eval(), torch.zeros(1, 1, 128, 128)
    before = network(x)[..., -8:, -8:]
    x[..., :8, :8] = 5.0
    assert float((network(x)[..., -8:, -8:] - before).abs().max()) > 1e-3
