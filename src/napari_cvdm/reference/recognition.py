"""Recognise a variant of the published architecture by its arrays, and find the module of each array.

Names of groups and the numbers of layers shift from one training run to the next, and the file's own order
follows the data through the network. What is reliable is the content of a group, and that layers of one type
are numbered in the order in which they were created. The networks here register their modules in that order,
so that the k-th convolution of a group is the k-th convolution among its network's modules.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from napari_cvdm.reference.config import ReferenceConfig
from napari_cvdm.reference.keras_file import KerasLayer, WeightsFileError, read_layers
from napari_cvdm.reference.layers import DoublingConv, GroupNorm, InstanceNorm, SameConv
from napari_cvdm.reference.model import ReferenceCVDM
from napari_cvdm.reference.variant import Network, describe_sr3, describe_unet, kind_of

_TYPE_OF: dict[type[nn.Module], str] = {
    SameConv: "conv2d",
    DoublingConv: "conv2d_transpose",
    InstanceNorm: "instance_normalization",
    GroupNorm: "group_normalization",
    nn.Linear: "attention_vector_layer",
}
_WEIGHT_NAMES = {
    "conv2d": ("kernel", "bias"),
    "conv2d_transpose": ("kernel", "bias"),
    "instance_normalization": ("gamma", "beta"),
    "group_normalization": ("gamma", "beta"),
    "attention_vector_layer": ("attention_w", "attention_b"),
}


def read_keras(
    path: str | Path,
    *,
    mean_path: str | Path | None = None,
    training_size: int | None = None,
    **preparation: Any,
) -> ReferenceCVDM:
    """Read a network that was trained with the published code.

    Parameters
    ----------
    path : str or Path
        What ``joint_model.save_weights("*.h5")`` wrote.
    mean_path : str or Path, optional
        The separate file of the mean network; only needed if the joint file does not hold it.
    training_size : int, optional
        Side of the training images in pixels. By default what the network itself tells (sr3), or 256.
    **preparation
        `ReferenceConfig`'s adds_input, upscaling and percentiles, which weights cannot tell. By default the
        observation is added if it has as many channels as the sharp image.

    Returns
    -------
    ReferenceCVDM
        In evaluation mode, float32, on the CPU.

    Raises
    ------
    WeightsFileError
        If a file cannot be read or holds anything but one network of each kind, whole and consistent.
    """
    path = Path(path)
    networks: dict[str, Network] = {}
    for layers in read_layers(path):
        network = Network(kind_of(layers, path), layers, path)
        role = "noise" if network.kind in ("sr3", "unet") else network.kind
        if role in networks:
            raise WeightsFileError(
                f"{path} holds two {role} networks: it is not a file of the published code."
            )
        networks[role] = network
    if mean_path is not None:
        networks["mean"] = _only_mean(Path(mean_path))
    if missing := [role for role in ("schedule", "noise") if role not in networks]:
        raise WeightsFileError(
            f"{path} lacks the {' and the '.join(missing)} network: give the file of the joint model, which "
            "joint_model.save_weights() wrote."
        )
    measures = _measure(networks, path)
    level = measures.get("attention_level")
    size = training_size or (8 * 2**level if level else 256)
    try:
        with torch.device("meta"):
            model = ReferenceCVDM(ReferenceConfig(**{**measures, "training_size": size, **preparation}))
    except (TypeError, ValueError) as error:
        raise WeightsFileError(f"{path} cannot be used: {error}.") from error
    parts: list[tuple[str, nn.Module]] = [("schedule", model.schedule), ("noise", model.noise_network)]
    if model.mean_network is not None:
        parts.append(("mean", model.mean_network))
    for part, module in parts:
        module.load_state_dict(arrange(module, networks[part]), assign=True)
    return model.eval().requires_grad_(False)


def _only_mean(path: Path) -> Network:
    found = [Network(kind_of(layers, path), layers, path) for layers in read_layers(path)]
    if len(found) != 1 or found[0].kind != "mean":
        raise WeightsFileError(f"{path} is not the file of a mean network alone, such as mu_model_*.h5.")
    return found[0]


def _measure(networks: dict[str, Network], path: Path) -> dict[str, Any]:
    """Return what the weights tell of `ReferenceConfig`."""
    schedule, noise, mean = networks["schedule"], networks["noise"], networks.get("mean")
    base = describe_unet(schedule, first=6, second_input=True)
    inputs, outputs = base.inputs, base.outputs
    if noise.kind == "sr3":
        config = describe_sr3(noise)
        stacked = noise.shape(1)[2]
    else:
        found = describe_unet(noise, first=0, second_input=True)
        config, stacked = {"noise_kind": "unet", "noise_widths": (found.width,)}, found.inputs
    if stacked == inputs + 2 * outputs:
        if mean is None:
            raise WeightsFileError(
                f"{path} was trained with a mean network, which it does not hold: give its file too "
                "(mu_model_*.h5) as the mean file."
            )
        config["mean_width"] = describe_unet(mean, first=0, second_input=False).width
    elif stacked != inputs + outputs:
        raise WeightsFileError(
            f"{path} does not fit together: of channels, its schedule takes {inputs} and makes {outputs}, "
            f"but its noise network takes {stacked} in all."
        )
    elif mean is not None:
        raise WeightsFileError(
            f"{mean.path} holds a mean network, but the noise network was trained without."
        )
    return {
        "in_channels": inputs,
        "out_channels": outputs,
        "schedule_width": base.width,
        "time_units": schedule.shape(1)[3],
        "adds_input": inputs == outputs,
        **config,
    }


def arrange(module: nn.Module, network: Network) -> dict[str, Tensor]:
    """Find the place of every array of one network, for ``module.load_state_dict``.

    Raises
    ------
    WeightsFileError
        If layers are missing or too many, or an array has another shape than its module.
    """
    places: dict[str, list[tuple[str, nn.Module]]] = {}
    for name, child in module.named_modules():
        if (layer_type := _TYPE_OF.get(type(child))) is not None:
            places.setdefault(layer_type, []).append((name, child))
    state: dict[str, Tensor] = {}
    for layer_type in _WEIGHT_NAMES:
        expected, found = places.get(layer_type, []), network.of_type(layer_type)
        if len(expected) != len(found):
            raise WeightsFileError(
                f"{network.path} holds {len(found)} layers of the type {layer_type} in its {network.title}, "
                f"where {len(expected)} are needed: it is incomplete or not of the published code."
            )
        for (name, child), layer in zip(expected, found, strict=True):
            weight, bias = _weights_of(layer, network)
            state[f"{name}.weight"] = _fitted(weight, child.weight, layer, network)
            state[f"{name}.bias"] = _fitted(bias, child.bias, layer, network)
    return state


def _weights_of(layer: KerasLayer, network: Network) -> tuple[Tensor, Tensor]:
    """Return a layer's two arrays, in torch's order of axes."""
    names = _WEIGHT_NAMES[layer.type]
    if set(layer.arrays) != set(names):
        raise WeightsFileError(
            f"{network.path} has the arrays {', '.join(sorted(layer.arrays))[:80]} in '{layer.type}_"
            f"{layer.number}' of its {network.title}, where {' and '.join(names)} are needed."
        )
    first, second = (layer.arrays[name] for name in names)
    if layer.type.startswith("conv2d") and first.ndim == 4:
        # (rows, columns, in, out) or, transposed, (rows, columns, out, in): the same permutation for both.
        first = first.transpose(3, 2, 0, 1)
    elif layer.type == "attention_vector_layer" and first.ndim == 2:
        first = first.T
    return torch.from_numpy(np.ascontiguousarray(first)), torch.from_numpy(second)


def _fitted(array: Tensor, parameter: object, layer: KerasLayer, network: Network) -> Tensor:
    assert isinstance(parameter, Tensor)
    if array.shape != parameter.shape:
        raise WeightsFileError(
            f"{network.path} has an array of the shape {tuple(array.shape)} in '{layer.type}_{layer.number}' "
            f"of its {network.title}, where the network needs {tuple(parameter.shape)} (in torch's order)."
        )
    return array
