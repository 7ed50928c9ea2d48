from __future__ import annotations

import pytest
import torch

from napari_cvdm.reference.sr3 import SR3, RowAttention


@pytest.mark.parametrize(
    ("inputs", "level", "parameters"),
    # As counted in the authors' code: trained at 64, at 128, at 256, and at 64 with a mean.
    [(2, 3, 123_544_577), (2, 4, 123_544_577), (2, None, 118_021_633), (3, 3, 123_545_153)],
)
def test_it_has_as_many_parameters_as_the_authors(inputs: int, level: int | None, parameters: int) -> None:
    with torch.device("meta"):
        network = SR3(inputs, 1, 1, stem=64, widths=(64, 128, 256, 512, 512), blocks=3, attention_level=level)
    assert sum(p.numel() for p in network.parameters()) == parameters


@torch.inference_mode()
def test_attention_stays_within_a_row_and_sees_all_of_it() -> None:
    torch.manual_seed(0)
    attention = RowAttention(32)
    # Normalised before: so that only attention itself can carry anything from pixel to pixel.
    attention.norm = torch.nn.Identity()  # type: ignore[assignment]
    x = torch.randn(1, 32, 3, 5)
    changed = x.clone()
    changed[..., 1, 4] += 1
    difference = (attention(changed) - attention(x)).abs().amax(dim=1)[0]
    assert (difference[[0, 2]] == 0).all()
    assert (difference[1] > 1e-6).all()


@torch.inference_mode()
def test_attention_is_a_weighted_mean_of_values() -> None:
    """By hand: weights from q · k without division, values from the second matrix, added to the input."""
    torch.manual_seed(0)
    attention = RowAttention(32)
    x = torch.randn(1, 32, 1, 4)
    n = attention.norm(x)[0, :, 0].T
    q, v, k = (n @ layer.weight.T + layer.bias for layer in (attention.query, attention.value, attention.key))
    expected = n + torch.softmax(q @ k.T, dim=-1) @ v
    torch.testing.assert_close(attention(x)[0, :, 0].T, expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_the_noise_level_reaches_every_pixel() -> None:
    torch.manual_seed(0)
    network = SR3(2, 1, 1, stem=32, widths=(32, 32), blocks=1, attention_level=0).eval()
    x, gamma = torch.rand(1, 2, 8, 12), torch.full((1, 1, 8, 12), 0.2)
    assert bool(((network(x, gamma) - network(x, 4 * gamma)).abs() > 1e-6).all())
