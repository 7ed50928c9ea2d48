from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_cvdm.reference.keras_file import KerasLayer, WeightsFileError
from napari_cvdm.reference.variant import Network, describe_sr3, describe_unet, kind_of

PATH = Path("theirs.h5")


def conv(number: int, *shape: int, layer_type: str = "conv2d") -> KerasLayer:
    return KerasLayer(layer_type, number, {"kernel": np.zeros(shape, np.float32)})


DOUBLING = conv(0, 3, 3, 512, 8, layer_type="conv2d_transpose")


@pytest.mark.parametrize(
    ("layers", "kind"),
    [
        ([conv(0, 3, 3, 1, 1024), conv(1, 3, 3, 1, 1024), DOUBLING], "schedule"),
        ([conv(0, 7, 7, 1, 8), DOUBLING], "unet"),
        ([conv(0, 3, 3, 1, 8), DOUBLING], "mean"),
        ([conv(0, 7, 7, 1, 8), KerasLayer("attention_vector_layer", 0, {})], "sr3"),
    ],
)
def test_a_network_is_told_by_what_only_it_has(layers: list[KerasLayer], kind: str) -> None:
    assert kind_of(layers, PATH) == kind


def test_other_networks_are_refused() -> None:
    with pytest.raises(WeightsFileError, match="a network of 1 layers that is none of the published ones"):
        kind_of([conv(0, 3, 3, 1, 8)], PATH)


def test_a_unet_is_measured_at_its_first_and_last_convolution() -> None:
    layers = [conv(4, 3, 3, 5, 8), conv(5, 7, 7, 1, 8), conv(6, 1, 1, 8, 2)]
    assert describe_unet(Network("unet", layers, PATH), first=0, second_input=True) == (5, 8, 2)
    with pytest.raises(
        WeightsFileError, match="convolutions in another order than the published mean network"
    ):
        describe_unet(Network("mean", layers[1:], PATH), first=0, second_input=False)
    with pytest.raises(WeightsFileError, match="in another order"):
        describe_unet(Network("unet", layers[::2], PATH), first=0, second_input=True)


def test_convolutions_in_another_order_are_no_sr3_network() -> None:
    layers = [conv(number, side, side, 32, 32) for number, side in enumerate([7, 3, 1, 3, 3, 3])]
    with pytest.raises(WeightsFileError, match="noise network \\(sr3\\)"):
        describe_sr3(Network("sr3", layers, PATH))
