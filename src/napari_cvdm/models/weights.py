"""Weights to and from safetensors files.

A file from outside is hostile until proven otherwise: its header, card, architecture and the shapes of
its tensors are checked, in this order, before memory is set aside, and nothing in it is ever executed. The
architecture's "kind" says which networks it is about: our own has none, the published one has its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.errors import ModelError, unreadable
from napari_cvdm.models.forking import compute_alone_when_forked
from napari_cvdm.models.hashes import check_sha256
from napari_cvdm.models.pretrained import PretrainedModel, is_reference
from napari_cvdm.models.replacing import replacing
from napari_cvdm.models.safetensors_header import read_header

if TYPE_CHECKING:  # torch takes seconds to import: the functions below import it when they need it
    from torch import Tensor

    from napari_cvdm.models.pretrained import Network

METADATA_KEY = "napari_cvdm"
"""Where in the safetensors metadata the model card is."""

# An architecture beyond these would be a mistake or an attack, and building it could fill the memory.
_LARGEST_NUMBER = 2048
_LARGEST_SUM = 8192
_MOST_LEVELS = 8


def save_model(path: str | Path, network: Network, card: ModelCard, *, half: bool = False) -> Path:
    """Write a network and its card to a safetensors file.

    The same network and card always give the same bytes. The file appears under its name only when whole.

    Parameters
    ----------
    path : str or Path
        Where to write; an existing file is replaced.
    network : CVDM or ReferenceCVDM
        The network.
    card : ModelCard
        Its card, with the network's own configuration as `architecture`.
    half : bool, optional
        Store the weights in half precision, for half the size; they are read back as float32.

    Raises
    ------
    ModelError
        If the card describes another network, or a weight is not finite (in the chosen precision).
    """
    import torch
    from safetensors.torch import save

    path = Path(path)
    if not _describes(card, network):
        raise ModelError(
            f"The card of '{card.name}' describes another architecture than the network it goes with: "
            "use network.config.to_dict() and network.upscaling."
        )
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    if half:
        state = {name: tensor.to(torch.float16) for name, tensor in state.items()}
    _check_finite(state, f"The network '{card.name}'")
    data = save(state, metadata={METADATA_KEY: card.to_json()})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(data)
    return path


def _describes(card: ModelCard, network: Network) -> bool:
    """Whether a card, perhaps of a version that had fewer settings, says how the network is built."""
    try:
        described = type(network.config).from_dict(card.architecture)
    except (TypeError, ValueError):
        return False
    return described == network.config and card.upscaling == network.upscaling


def read_model(path: str | Path, *, sha256: str | None = None) -> PretrainedModel:
    """Read a network and its card from a safetensors file, or a network from a Keras .h5 file.

    It is in evaluation mode, float32, on the CPU. `sha256` is the hash that the file must have. For an .h5
    file see `napari_cvdm.models.keras_import`.

    Raises
    ------
    ModelError
        If the file cannot be read, is damaged, is no napari-cvdm model, is of an unknown format version,
        describes an absurd architecture, or holds other tensors than the architecture has.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"There is no model file {path}.")
    compute_alone_when_forked()
    from napari_cvdm.reference.keras_file import is_hdf5

    if is_hdf5(path):
        from napari_cvdm.models.keras_import import read_keras_model

        return read_keras_model(path, sha256=sha256)
    header = read_header(path)
    if METADATA_KEY not in header.metadata:
        raise ModelError(
            f"{path} holds weights but no napari-cvdm model card: only files that 'napari-cvdm train' wrote "
            "can be used."
        )
    try:
        card = ModelCard.from_json(header.metadata[METADATA_KEY])
        _check_architecture(card.architecture)
        network = _shell(card)
        _check_shapes(header.shapes, {n: tuple(tensor.shape) for n, tensor in network.state_dict().items()})
    except ModelError as error:
        raise ModelError(f"{path} cannot be used. {error}") from error
    # Only now is the file's size known to be that of a sane network.
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    found = hashlib.sha256(data).hexdigest()
    check_sha256(path, found, sha256)
    _fill(network, data, path)
    return PretrainedModel(name=card.name, network=network, card=card, sha256=found, path=path)


def _check_architecture(architecture: Mapping[str, Any]) -> None:
    """Refuse numbers that no network of ours could have, before anything is built from them."""
    if is_reference(architecture):
        return  # its configuration checks all of its numbers itself
    if "kind" in architecture:
        raise ModelError(
            "Its architecture is of a kind that this version does not know "
            f"({str(architecture['kind'])[:40]!r}): update napari-cvdm."
        )
    from napari_cvdm.cvdm.schedule import FIXED_SCHEDULES

    for key, value in architecture.items():
        if key == "schedule" and value in ("learned", *FIXED_SCHEDULES):
            continue
        numbers = value if isinstance(value, list | tuple) else [value]
        sane = len(numbers) <= _MOST_LEVELS and all(
            isinstance(n, int | float) and 0 <= n <= _LARGEST_NUMBER for n in numbers
        )
        if not sane or sum(numbers) > _LARGEST_SUM:
            raise ModelError(
                f"The architecture's '{str(key)[:40]}' is beyond anything a model of this kind can have."
            )


def _shell(card: ModelCard) -> Network:
    """Build the card's network without memory for its weights."""
    import torch
    from torch.overrides import TorchFunctionMode

    from napari_cvdm.cvdm.model import CVDM, CVDMConfig
    from napari_cvdm.reference.config import ReferenceConfig
    from napari_cvdm.reference.model import ReferenceCVDM

    class ConstantsOnCPU(TorchFunctionMode):
        # Constructors compute initial values from constants, which have no value on the meta device. Ranges
        # have, but torch makes them there by way of its compiler and SymPy: to import them takes a second.
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = dict(kwargs or {})
            if func in (torch.tensor, torch.arange):
                kwargs.setdefault("device", "cpu")
            return func(*args, **kwargs)

    try:
        with torch.device("meta"), ConstantsOnCPU():
            network: Network
            if is_reference(card.architecture):
                network = ReferenceCVDM(ReferenceConfig.from_dict(card.architecture))
            else:
                network = CVDM(CVDMConfig.from_dict(card.architecture))
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"The architecture in its model card cannot be built: {reason}.") from error
    if network.upscaling != card.upscaling:
        raise ModelError(
            f"Its model card contradicts itself: upscaling is {card.upscaling}, but "
            f"{network.upscaling} in the architecture."
        )
    return network


def _check_shapes(found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> None:
    if missing := [name for name in expected if name not in found]:
        raise ModelError(
            f"It lacks {len(missing)} of the network's {len(expected)} tensors, such as '{missing[0]}'."
        )
    if extra := [name for name in found if name not in expected]:
        raise ModelError(
            f"It holds {len(extra)} tensors that the network does not have, such as '{extra[0][:80]}'."
        )
    for name, shape in expected.items():
        if found[name] != shape:
            raise ModelError(f"Its tensor '{name}' has the shape {found[name]}; the network needs {shape}.")


def _fill(network: Network, data: bytes, path: Path) -> None:
    """Give a network the weights in `data`, and try it on one small image."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        state = {name: tensor.to(torch.float32) for name, tensor in load(data).items()}
    except SafetensorError as error:
        raise ModelError(f"{path} is damaged: copy or download it again.") from error
    _check_finite(state, str(path))
    network.load_state_dict(state, assign=True)
    network.eval().requires_grad_(False)
    check_answers(network, path)


def check_answers(network: Network, path: Path) -> None:
    """Try a network on one small empty image, and raise `ModelError` if what it answers is no picture."""
    import torch

    with torch.inference_mode():
        answers, positive = network.trial()
        finite = all(bool(torch.isfinite(each).all()) for each in answers)
        if not finite or bool((positive <= 0).any()):
            raise ModelError(f"{path} cannot be used: its network gives no finite picture of an empty image.")


def _check_finite(state: Mapping[str, Tensor], whose: str) -> None:
    for name, tensor in state.items():
        if not bool(tensor.isfinite().all()):
            raise ModelError(
                f"{whose} has weights that are not finite numbers (NaN or infinity), in '{name}'."
            )
