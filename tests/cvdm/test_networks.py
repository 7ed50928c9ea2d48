"""The networks see no further than they say, so that a tile with a halo gives the pixels of the whole."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_cvdm.cvdm.networks import INITIAL_RATE, LocalUNet, RateNetwork, ResidualBlock

Randomise = Callable[[nn.Module, int], nn.Module]

#: Blocks of each level, among them the depths of the default architecture.
ARCHITECTURES = [(1,), (3,), (1, 1), (2, 1), (0, 2), (1, 1, 1), (2, 2, 2), (2, 2, 4)]


@pytest.fixture(params=[False, True], ids=["plain", "normalised"])
def normalised(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def make_unet(blocks: tuple[int, ...], randomise: Randomise, normalised: bool = False) -> LocalUNet:
    network = LocalUNet(2, 3, (3,) * len(blocks), blocks, normalised)
    randomise(network, 1)
    return network.double()


def noise_image(channels: int, side: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(1, channels, side, side, generator=generator, dtype=torch.float64)


@torch.no_grad()
def reach(network: nn.Module, channels: int, bound: int, phase: int, change: float) -> tuple[int, int]:
    """Greatest distance of a changed output pixel from one changed input pixel, before it and behind it.

    The image is large enough that nothing within ``bound`` and a little more is cut off.
    """
    side = 2 * (bound + 8)
    at = bound + 8 + phase
    x = noise_image(channels, side)
    changed = x.clone()
    changed[0, :, at, at] += change
    differs = (network(x) != network(changed)).any(dim=1)[0]
    rows, columns = differs.nonzero(as_tuple=True)
    assert len(rows)
    before = max(at - int(rows.min()), at - int(columns.min()))
    behind = max(int(rows.max()) - at, int(columns.max()) - at)
    return before, behind


class TestResidualBlock:
    def test_starts_as_the_identity(self, normalised: bool) -> None:
        x = torch.randn(2, 5, 6, 7, generator=torch.Generator().manual_seed(0))
        assert torch.equal(ResidualBlock(5, normalised)(x), x)

    def test_normalised_correction_is_blind_to_brightness_and_contrast(self, randomise: Randomise) -> None:
        block = ResidualBlock(5, normalised=True)
        randomise(block, 3)
        x = torch.randn(2, 5, 6, 7, generator=torch.Generator().manual_seed(0))
        brighter = 7 * x + 2
        torch.testing.assert_close(block(brighter) - brighter, block(x) - x, rtol=1e-3, atol=1e-3)

    def test_channels_are_normalised_pixel_by_pixel(self) -> None:
        block = ResidualBlock(5, normalised=True)
        x = torch.randn(2, 5, 6, 7, generator=torch.Generator().manual_seed(0))
        centred = x - x.mean(dim=1, keepdim=True)
        expected = centred / centred.square().mean(dim=1, keepdim=True).sqrt()
        torch.testing.assert_close(block.activate(x), F.silu(expected), rtol=1e-3, atol=1e-3)


class TestLocalUNet:
    @pytest.mark.parametrize("blocks", ARCHITECTURES)
    def test_nothing_beyond_the_receptive_field_changes(
        self, blocks: tuple[int, ...], randomise: Randomise, normalised: bool
    ) -> None:
        network = make_unet(blocks, randomise, normalised)
        for phase in range(network.granularity):
            assert max(reach(network, 2, network.receptive_field, phase, 5.0)) <= network.receptive_field

    @pytest.mark.parametrize("blocks", ARCHITECTURES)
    def test_receptive_field_is_not_much_wider_than_what_is_seen(
        self, blocks: tuple[int, ...], randomise: Randomise, normalised: bool
    ) -> None:
        network = make_unet(blocks, randomise, normalised)
        # Not-a-number gets through every connection, whatever the weight: it finds the exact reach.
        seen = max(
            max(reach(network, 2, network.receptive_field, phase, float("nan")))
            for phase in range(network.granularity)
        )
        assert seen <= network.receptive_field < seen + 2 * network.granularity

    @pytest.mark.parametrize("blocks", ARCHITECTURES)
    def test_receptive_field_is_a_multiple_of_the_granularity(
        self, blocks: tuple[int, ...], randomise: Randomise
    ) -> None:
        network = make_unet(blocks, randomise)
        assert network.granularity == 2 ** (len(blocks) - 1)
        assert network.receptive_field % network.granularity == 0

    @torch.no_grad()
    @pytest.mark.parametrize("blocks", [(1,), (2, 1), (1, 1, 1)])
    def test_tile_with_halo_equals_whole(self, blocks: tuple[int, ...], randomise: Randomise) -> None:
        network = make_unet(blocks, randomise)
        halo, side, tile = network.receptive_field, 96, 8
        x = noise_image(2, side)
        whole = network(x)
        for row, column in ((0, 0), (40, 48), (88, 40), (88, 88)):
            top, left = max(row - halo, 0), max(column - halo, 0)
            bottom, right = min(row + tile + halo, side), min(column + tile + halo, side)
            part = network(x[..., top:bottom, left:right])
            inner = part[..., row - top : row - top + tile, column - left : column - left + tile]
            expected = whole[..., row : row + tile, column : column + tile]
            torch.testing.assert_close(inner, expected, rtol=1e-10, atol=1e-12)

    @torch.no_grad()
    def test_items_of_a_batch_do_not_mix(self, randomise: Randomise) -> None:
        network = make_unet((1, 1), randomise)
        pair = torch.cat([noise_image(2, 16), 100 * noise_image(2, 16).flip(-1)])
        torch.testing.assert_close(network(pair)[:1], network(pair[:1]), rtol=1e-10, atol=1e-12)

    @pytest.mark.parametrize("shape", [(10, 12), (12, 10), (1, 12)])
    def test_refuses_sides_that_do_not_halve(self, shape: tuple[int, int]) -> None:
        network = LocalUNet(1, 1, (2, 2, 2), (1, 1, 1))
        with pytest.raises(ValueError, match=rf"multiples of 4, got \({shape[0]}, {shape[1]}\)"):
            network(torch.zeros(1, 1, *shape))

    @pytest.mark.parametrize(("widths", "blocks"), [((4, 8), (1,)), ((), ())])
    def test_refuses_levels_that_do_not_match(self, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="same, non-zero number of levels"):
            LocalUNet(1, 1, widths, blocks)


class TestRateNetwork:
    def test_sees_exactly_its_receptive_field(self, randomise: Randomise) -> None:
        network = randomise(RateNetwork(1, 4, 3, (7.0, 14.0)), 4)
        # The output is cast to single precision, so only the change that no rounding hides is looked for.
        seen = reach(network.double(), 1, RateNetwork.receptive_field, 0, float("nan"))
        assert seen == (RateNetwork.receptive_field, RateNetwork.receptive_field)

    @torch.no_grad()
    def test_stays_within_its_bounds_for_any_input(self, randomise: Randomise) -> None:
        network = randomise(RateNetwork(1, 4, 6, (5.0, 9.5)), 5)
        x = torch.randn(4, 1, 12, 12, generator=torch.Generator().manual_seed(6))
        lam = network(x * torch.tensor([1.0, 10.0, 1e3, 1e6]).view(4, 1, 1, 1))
        assert lam.shape == (4, 4, 12, 12)
        assert lam.dtype == torch.float32
        assert (lam >= 5).all()
        assert (lam <= 9.5).all()
        assert lam[0].std() > 0.01  # it does depend on the observation

    @torch.no_grad()
    def test_starts_at_the_initial_rate_everywhere(self) -> None:
        x = torch.randn(1, 1, 9, 9, generator=torch.Generator().manual_seed(7))
        lam = RateNetwork(1, 4, 6, (3.0, 20.0))(x)
        torch.testing.assert_close(lam, torch.full((1, 4, 9, 9), INITIAL_RATE))

    @pytest.mark.parametrize("bounds", [(8.0, 14.0), (0.0, 14.0), (-1.0, 14.0), (7.0, 8.0), (14.0, 7.0)])
    def test_refuses_bounds_that_do_not_enclose_the_start(self, bounds: tuple[float, float]) -> None:
        with pytest.raises(ValueError, match="bounds of λ"):
            RateNetwork(1, 4, 6, bounds)
