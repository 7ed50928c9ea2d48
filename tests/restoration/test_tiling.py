"""Tiles of one network pass, and the reflected margin around a plane."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_cvdm.cvdm.networks import LocalUNet
from napari_cvdm.restoration.tiling import apply_tiled, pad_by_reflection, plan_padding, tile_spans


def plane(height: int, width: int, channels: int = 1, seed: int = 0) -> Tensor:
    return torch.randn((1, channels, height, width), generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def unet() -> LocalUNet:
    torch.manual_seed(0)
    network = LocalUNet(2, 3, (4, 6, 8), (1, 1, 1))
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return network.requires_grad_(False)


class TestPlanPadding:
    @pytest.mark.parametrize("size", [(17, 23), (8, 8), (64, 128), (1, 1)])
    @pytest.mark.parametrize("granularity", [1, 4, 6])
    def test_gives_a_margin_on_each_side_and_a_size_that_fits(
        self, size: tuple[int, int], granularity: int
    ) -> None:
        padding = plan_padding(*size, granularity)
        for coordinates, length in zip((padding.rows, padding.columns), size, strict=True):
            assert -coordinates.start >= 16
            assert coordinates.stop - length >= 16
            assert coordinates.start % granularity == 0
            assert len(coordinates) % granularity == 0
            assert len(coordinates) < length + 2 * 16 + 3 * granularity

    def test_crop_finds_the_image_again(self) -> None:
        padding = plan_padding(17, 23, 4)
        image = plane(17, 23)
        fine = pad_by_reflection(image, padding).repeat_interleave(2, -1).repeat_interleave(2, -2)
        expected = image.repeat_interleave(2, -1).repeat_interleave(2, -2)
        assert torch.equal(padding.crop_fine(fine, 2), expected)

    def test_own_are_the_image_s_pixels_of_a_part(self) -> None:
        padding = plan_padding(30, 40, 8)  # 16 rows and columns of margin before, 18 and 16 after
        assert padding.own(range(8, 24), range(16, 32)) == (range(8), range(16))
        assert padding.own(range(40, 64), range(48, 72)) == (range(24, 30), range(32, 40))
        rows, columns = padding.own(range(16), range(64))
        assert not rows
        assert len(columns) == 40


class TestPadByReflection:
    @pytest.mark.parametrize("size", [(17, 23), (5, 9), (2, 3), (1, 4), (1, 1)])
    def test_mirrors_as_often_as_it_takes(self, size: tuple[int, int]) -> None:
        padding = plan_padding(*size, 4)
        image = plane(*size)
        before = (-padding.rows.start, -padding.columns.start)
        after = (padding.rows.stop - size[0], padding.columns.stop - size[1])
        expected = np.pad(image[0, 0].numpy(), tuple(zip(before, after, strict=True)), mode="reflect")
        np.testing.assert_array_equal(pad_by_reflection(image, padding)[0, 0].numpy(), expected)


class TestTileSpans:
    @pytest.mark.parametrize(
        ("length", "tile"), [(100, 32), (96, 32), (100, 1), (20, 512), (4, 4), (132, 70)]
    )
    def test_cover_everything_once_in_phase_and_no_larger_than_asked(self, length: int, tile: int) -> None:
        spans = tile_spans(length, tile, 4)
        assert [i for span in spans for i in span] == list(range(length))
        assert all(span.start % 4 == 0 for span in spans)
        assert max(map(len, spans)) <= max(4, -(-tile // 4) * 4)

    def test_are_even(self) -> None:
        assert [len(span) for span in tile_spans(544, 512, 4)] == [272, 272]


class TestApplyTiled:
    @pytest.mark.parametrize("tile", [1, 4, 16, 30, 48, 200])
    def test_equals_the_whole_at_every_pixel(self, unet: LocalUNet, tile: int) -> None:
        inputs = (plane(60, 92), plane(60, 92, seed=1))

        def network(a: Tensor, b: Tensor) -> tuple[Tensor]:
            return (unet(torch.cat([a, b], 1)),)

        (whole,) = network(*inputs)
        (tiled,) = apply_tiled(network, inputs, tile=tile, halo=unet.receptive_field, granularity=4)
        torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5 * float(whole.max() - whole.min()))

    def test_a_halo_too_small_would_show(self, unet: LocalUNet) -> None:
        # The test above could pass with a network that hardly looks around: this one says that it does.
        inputs = (plane(60, 92, channels=2),)
        whole = unet(*inputs)
        (tiled,) = apply_tiled(lambda x: (unet(x),), inputs, tile=16, halo=4, granularity=4)
        assert float((tiled - whole).abs().max()) > 1e-3 * float(whole.max() - whole.min())

    def test_halo_is_rounded_up_to_keep_the_phase(self) -> None:
        def phase(x: Tensor) -> tuple[Tensor]:
            return (F.interpolate(F.avg_pool2d(x, 4), scale_factor=4),)

        image = plane(32, 32)
        (tiled,) = apply_tiled(phase, (image,), tile=8, halo=3, granularity=4)
        assert torch.equal(tiled, phase(image)[0])

    def test_gives_all_outputs(self) -> None:
        image = plane(24, 40)
        double, pair = apply_tiled(
            lambda x: (2 * x, torch.cat([x, -x], 1)), (image,), tile=8, halo=0, granularity=4
        )
        assert torch.equal(double, 2 * image)
        assert torch.equal(pair, torch.cat([image, -image], 1))

    @pytest.mark.parametrize(("tile", "tiles"), [(64, 1), (16, 12), (32, 4)])
    def test_checkpoint_comes_before_every_tile_and_progress_is_told_of_several(
        self, tile: int, tiles: int
    ) -> None:
        order: list[str] = []
        told: list[tuple[int, int]] = []

        def network(x: Tensor) -> tuple[Tensor]:
            order.append("network")
            return (x,)

        apply_tiled(
            network,
            (plane(48, 64),),
            tile=tile,
            halo=4,
            granularity=4,
            checkpoint=lambda: order.append("checkpoint"),
            on_tile=lambda *done: told.append(done),
        )
        assert order == ["checkpoint", "network"] * tiles
        assert told == ([(done, tiles) for done in range(1, tiles + 1)] if tiles > 1 else [])

    def test_begins_near_a_place_and_goes_outward(self) -> None:
        told: list[tuple[range, range]] = []
        image = plane(48, 64)
        (done,) = apply_tiled(
            identity(),
            (image,),
            tile=16,
            halo=4,
            granularity=4,
            on_output=lambda rows, columns, _: told.append((rows, columns)),
            first=(30, 63),
        )
        assert told[:2] == [(range(16, 32), range(48, 64)), (range(32, 48), range(48, 64))]
        assert told[-1] == (range(16), range(16))
        assert len(told) == 12
        assert torch.equal(done, image)

    def test_checkpoint_ends_the_pass_and_leaves_the_inputs(self) -> None:
        calls = iter([None, None, KeyboardInterrupt])
        image = plane(48, 64)
        before = image.clone()

        def checkpoint() -> None:
            if (error := next(calls)) is not None:
                raise error

        with pytest.raises(KeyboardInterrupt):
            apply_tiled(identity(), (image,), tile=16, halo=4, granularity=4, checkpoint=checkpoint)
        assert torch.equal(image, before)


def identity() -> Callable[..., tuple[Tensor]]:
    return lambda x: (x,)
