"""A network together with its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_cvdm.reference.config import KIND

if TYPE_CHECKING:  # torch loads when a model is loaded, not when this module is imported
    from napari_cvdm.cvdm.model import CVDM
    from napari_cvdm.models.card import ModelCard
    from napari_cvdm.reference.model import ReferenceCVDM

    Network: TypeAlias = CVDM | ReferenceCVDM

PERCENTILES = (1.0, 99.8)
"""The percentiles of an image's intensities that become 0 and 1, as our own networks have learned it:
where structure is not sparse (`napari_cvdm.restoration.normalization`)."""


def is_reference(architecture: Mapping[str, Any]) -> bool:
    """Whether the architecture of a card is the authors' published one, instead of our own."""
    return "kind" in architecture and architecture["kind"] == KIND


def notes_for(card: ModelCard) -> tuple[str, ...]:
    """Tell from a model's card what a user should know before believing a result, a sentence each."""
    if not is_reference(card.architecture):
        return ()
    notes = [
        "The authors' published networks normalise over all they are given, so a pixel depends on the "
        "tiling. Tiles overlap and are blended in every step. Unless another side is asked for, they are "
        f"tiles of {card.architecture.get('training_size')} pixels, the size of the training images."
    ]
    if card.upscaling == 1:
        notes.append(
            "This model takes images on the grid of the sharp image: enlarge a camera image to it first."
        )
    return tuple(notes)


@dataclass(frozen=True)
class PretrainedModel:
    """A trained network, ready to restore images.

    Parameters
    ----------
    name : str
        The name in the model's card.
    network : CVDM or ReferenceCVDM
        The network, in evaluation mode, in float32, on the CPU. It may be shared with other callers:
        move or change a copy.
    card : ModelCard
        What the model is, was trained on and may be used for.
    sha256 : str
        SHA-256 of the weights file, which identifies the model in the provenance of a result.
    path : Path or None
        The file it was read from.
    """

    name: str
    network: Network = field(repr=False)
    card: ModelCard
    sha256: str
    path: Path | None = None

    @property
    def upscaling(self) -> int:
        """Pixels of the restored image per camera pixel and axis."""
        return self.card.upscaling

    @property
    def tiles_exact(self) -> bool:
        """Whether a tile gives the very pixels that the whole image would give."""
        return not is_reference(self.card.architecture)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know before believing a result of this model, a sentence each."""
        return notes_for(self.card)
