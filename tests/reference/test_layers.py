"""Keras' layers by hand, small enough to count."""

from __future__ import annotations

import pytest
import torch

from napari_cvdm.reference.layers import DoublingConv, GroupNorm, InstanceNorm, SameConv


def test_an_even_kernel_is_padded_after() -> None:
    conv = SameConv(1, 1, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[1.0, 10.0], [100.0, 1000.0]])[None, None])
        conv.bias.zero_()
        result = conv(torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None])[0, 0]
    assert result.tolist() == [[4321.0, 402.0], [43.0, 4.0]]


def test_a_transposed_convolution_loses_its_last_row_and_column() -> None:
    conv = DoublingConv(1, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.arange(1.0, 10.0).view(1, 1, 3, 3))
        conv.bias.zero_()
        result = conv(torch.tensor([[1.0]])[None, None])[0, 0]
    assert result.tolist() == [[1.0, 2.0], [4.0, 5.0]]


def test_norms_have_the_epsilon_and_the_groups_of_the_authors() -> None:
    torch.manual_seed(0)
    x = 1e-2 * torch.randn(2, 64, 4, 6)
    for norm, size in ((InstanceNorm(64), 1), (GroupNorm(64), 2)):
        groups = x.double().view(2, 64 // size, -1)
        mean, variance = groups.mean(-1, keepdim=True), groups.var(-1, correction=0, keepdim=True)
        expected = ((groups - mean) / (variance + 1e-3).sqrt()).view_as(x).float()
        torch.testing.assert_close(norm(x), expected, rtol=1e-4, atol=1e-6)


def test_norms_do_not_depend_on_the_memory_layout() -> None:
    torch.manual_seed(0)
    x = 50 + torch.randn(1, 64, 32, 32)
    norm = GroupNorm(64)
    other = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(norm(other), norm(x), rtol=0, atol=0)


def test_a_group_of_one_number_becomes_its_offset() -> None:
    norm = InstanceNorm(3)
    with torch.no_grad():
        norm.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert norm(torch.rand(1, 3, 1, 1)).flatten().tolist() == [1.0, 2.0, 3.0]


def test_channels_that_make_no_equal_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="48 channels cannot be put into 32"):
        GroupNorm(48)
