"""Models from the Keras .h5 files of labs that trained with the authors' published code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cvdm.models.card import ModelCard
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.hashes import check_sha256, file_sha256
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.models.weights import check_answers, save_model
from napari_cvdm.reference.keras_file import WeightsFileError

if TYPE_CHECKING:
    from napari_cvdm.reference.model import ReferenceCVDM

PUBLISHED_STEPS = 200
"""Denoising steps that the paper samples with."""

_CITATIONS = ("arXiv:2312.02246", "arXiv:2406.04388")


def convert(
    path: str | Path,
    output: str | Path,
    *,
    mean_path: str | Path | None = None,
    name: str | None = None,
    training_size: int | None = None,
    adds_input: bool | None = None,
    upscaling: int = 1,
    percentiles: Sequence[float] = (0.0, 100.0),
    steps: int = PUBLISHED_STEPS,
) -> Path:
    """Turn a Keras weights file of the published code into a model file of our own format; return its path.

    Parameters
    ----------
    path : str or Path
        What ``joint_model.save_weights("*.h5")`` wrote.
    output : str or Path
        The .safetensors file to write; it is replaced as a whole.
    mean_path : str or Path, optional
        The mean network's own file, if the joint file does not hold it.
    name : str, optional
        Name of the model; by default made from the file's name.
    training_size : int, optional
        Side of the training images in pixels, which becomes the side of a tile. By default what the network
        itself tells (sr3), or 256.
    adds_input : bool, optional
        Whether the network was trained on the difference between the sharp image and the observation, as the
        published super-resolution tasks are. By default if it has as many channels out as in.
    upscaling : int, optional
        Enlargement of a camera image before the network sees it, by cubic interpolation. With 1, images are
        expected on the grid of the sharp image already, as the published code expects them.
    percentiles : sequence of float, optional
        Percentiles of an image's intensities that become −1 and 1.
    steps : int, optional
        Denoising steps per draw when the user does not choose.

    Raises
    ------
    ModelError
        If h5py is missing, or a file cannot be read, is damaged or hostile, or is not of the published code.
    """
    told: dict[str, Any] = {} if adds_input is None else {"adds_input": adds_input}
    network = _read(
        Path(path),
        mean_path=mean_path,
        training_size=training_size,
        upscaling=upscaling,
        percentiles=tuple(percentiles),
        **told,
    )
    card = describe(network, name or _name_of(Path(path)), steps=steps)
    return save_model(output, network, card)


def read_keras_model(path: Path, *, sha256: str | None = None) -> PretrainedModel:
    """Read a model straight from a Keras weights file, with everything as `convert` assumes it.

    Raises
    ------
    ModelError
        As `convert`, or if the file has another hash than expected.
    """
    found = file_sha256(path)
    check_sha256(path, found, sha256)
    network = _read(path)
    card = describe(network, _name_of(path))
    return PretrainedModel(name=card.name, network=network, card=card, sha256=found, path=path)


def describe(network: ReferenceCVDM, name: str, *, steps: int = PUBLISHED_STEPS) -> ModelCard:
    """Write the card of a network that came without one."""
    config = network.config
    kind = f"{config.noise_kind}, {config.in_channels} → {config.out_channels} channels"
    if config.zero_mean:
        kind += ", zero-mean"
    return ModelCard(
        name=name,
        description=f"Trained with the published CVDM code ({kind}) and converted from its Keras weights.",
        architecture=config.to_dict(),
        upscaling=config.upscaling,
        default_steps=steps,
        training={"code": "github.com/casus/cvdm", "training_size": config.training_size},
        licence="not stated: ask whoever trained it",
        citations=_CITATIONS,
    )


def _read(path: Path, **told: Any) -> ReferenceCVDM:
    from napari_cvdm.reference.recognition import read_keras

    try:
        network = read_keras(path, **told)
    except WeightsFileError as error:
        raise ModelError(str(error)) from error
    check_answers(network, path)
    return network


def _name_of(path: Path) -> str:
    """Make a model name of a file name."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem)[:64].strip("-_")
    return name or "authors-weights"
