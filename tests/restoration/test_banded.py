"""Networks in bands: the same as the plain ones, wherever the bands are cut."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.cvdm.networks import LocalUNet, ResidualBlock
from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration import banded


@pytest.fixture
def narrow_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands of four rows, so that small images have many."""
    monkeypatch.setattr(banded, "BAND_BYTES", 1)
    monkeypatch.setattr(banded, "LEAST_ROWS", 4)


@pytest.fixture
def without_fused_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banded, "fused_convolution_works", lambda: False)


def feature_map(channels: int, height: int = 24, width: int = 20, batch: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((batch, channels, height, width), generator=generator)
    return x.contiguous(memory_format=torch.channels_last)


def random_block(width: int = 6, normalised: bool = False) -> ResidualBlock:
    torch.manual_seed(0)
    block = ResidualBlock(width, normalised).requires_grad_(False)
    nn.init.normal_(block.conv2.weight, std=0.3)
    return block


@pytest.mark.usefixtures("narrow_bands")
class TestBlocks:
    @pytest.mark.parametrize("height", [1, 3, 4, 5, 8, 24, 27])
    @pytest.mark.parametrize("batch", [1, 2])
    @pytest.mark.parametrize("normalised", [False, True])
    def test_correct_in_place_what_the_block_makes_anew(
        self, height: int, batch: int, normalised: bool
    ) -> None:
        block, x = random_block(normalised=normalised), feature_map(6, height, batch=batch)
        expected = block(x)
        banded.add_correction(block, x)
        torch.testing.assert_close(x, expected, rtol=0, atol=1e-5)

    @pytest.mark.usefixtures("without_fused_convolution")
    def test_need_no_fused_convolution(self) -> None:
        block, x = random_block(), feature_map(6)
        expected = block(x)
        banded.add_correction(block, x)
        torch.testing.assert_close(x, expected, rtol=0, atol=1e-6)


@pytest.mark.usefixtures("narrow_bands")
class TestNetworks:
    @pytest.mark.parametrize("normalised", [False, True])
    def test_unet_is_the_same(self, normalised: bool) -> None:
        torch.manual_seed(1)
        unet = LocalUNet(3, 4, (6, 8, 10), (2, 1, 2), normalised).requires_grad_(False)
        for parameter in unet.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        x = feature_map(3, 28, 36)
        before = x.clone()
        ours = banded.BandedUNet(unet)
        torch.testing.assert_close(ours(x), unet(x), rtol=1e-5, atol=1e-5)
        assert torch.equal(x, before)
        with pytest.raises(ValueError, match="multiples of 4"):
            ours(x[..., :-1, :])

    @pytest.mark.parametrize("schedule", ["learned", "cosine"])  # a fixed one has no network
    def test_whole_model_is_the_same(self, model: PretrainedModel, schedule: str) -> None:
        network = CVDM(replace(model.network.config, schedule=schedule)).eval().requires_grad_(False)
        network.load_state_dict(model.network.state_dict(), strict=False)
        ours = copy.deepcopy(network)
        banded.run_in_bands(ours)
        assert isinstance(ours.noise_network, banded.BandedUNet)
        x, z = feature_map(1, 24, 28), feature_map(4, 24, 28)
        for a, b in zip(ours.estimate(x), network.estimate(x), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
        mean, scale, lam = network.estimate(x)
        gamma = torch.exp(-0.1 * lam)
        torch.testing.assert_close(
            ours.predict_noise(z, x, mean, scale, gamma),
            network.predict_noise(z, x, mean, scale, gamma),
            rtol=1e-4,
            atol=1e-5,
        )

    def test_can_be_given_up_before_every_band(self, model: PretrainedModel) -> None:
        class Cancelled(Exception):
            pass

        ours = copy.deepcopy(model.network).eval().requires_grad_(False)
        x, called, allowed = feature_map(1, 24, 28), [0], [10**6]

        def checkpoint() -> None:
            if called[0] == allowed[0]:
                raise Cancelled
            called[0] += 1

        banded.run_in_bands(ours, checkpoint)
        ours.estimate(x)
        every = called[0]
        # Blocks on 24, 12 and 6 rows, down and up again; the stem, the head of σ and the network for λ.
        assert every == (6 + 3 + 2 + 3 + 6) + 6 + 6 + 6
        for allowed[0] in (0, every // 2, every - 1):
            called[0] = 0
            with pytest.raises(Cancelled):
                ours.estimate(x)

    def test_leaves_networks_of_other_kinds_alone(self, simple_network: CVDM) -> None:
        # A subclass may compute something else: its own forward counts.
        class Other(LocalUNet):
            pass

        simple_network.noise_network = Other(21, 4, (6,), (1,))
        banded.run_in_bands(simple_network)
        assert type(simple_network.noise_network) is Other


class TestBands:
    @pytest.mark.parametrize("height", [1, 31, 64, 100, 1000])
    def test_cover_every_row_once_and_are_even(self, height: int) -> None:
        bands = banded.row_bands(torch.empty((1, 32, height, 3000)))
        assert [row for band in bands for row in band] == list(range(height))
        assert max(map(len, bands)) - min(map(len, bands)) <= 1

    def test_are_one_for_a_small_map_and_bounded_for_a_large_one(self) -> None:
        assert len(banded.row_bands(torch.empty((1, 8, 64, 64)))) == 1
        large = torch.empty((1, 64, 1024, 512))
        assert all(len(band) * large.nbytes / 1024 <= banded.BAND_BYTES for band in banded.row_bands(large))

    @pytest.mark.usefixtures("narrow_bands")
    def test_overlap_as_far_as_the_layer_sees(self) -> None:
        layer, x = nn.Conv2d(2, 3, 3, padding=3, dilation=3).requires_grad_(False), feature_map(2)
        torch.testing.assert_close(banded.in_bands(layer, x, 3), layer(x), rtol=0, atol=1e-6)
        assert not torch.allclose(banded.in_bands(layer, x, 1), layer(x), rtol=0, atol=1e-3)


class TestFusedConvolution:
    def test_that_is_wrong_or_missing_is_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(convolution: nn.Conv2d, x: Tensor) -> Tensor:
            raise AttributeError("no such operator")

        def wrong(convolution: nn.Conv2d, x: Tensor) -> Tensor:
            return F.relu(convolution(x))

        for fused in (missing, wrong):
            banded.fused_convolution_works.cache_clear()
            monkeypatch.setattr(banded, "_fused", fused)
            assert not banded.fused_convolution_works()
        banded.fused_convolution_works.cache_clear()
