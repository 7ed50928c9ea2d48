"""A network together with its card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # torch loads when a model is loaded, not when this module is imported
    from napari_cvdm.cvdm.model import CVDM
    from napari_cvdm.models.card import ModelCard

__all__ = ["PretrainedModel"]


@dataclass(frozen=True)
class PretrainedModel:
    """A trained network, ready to restore images.

    Parameters
    ----------
    name : str
        The name in the model's card.
    network : CVDM
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
    network: CVDM
    card: ModelCard
    sha256: str
    path: Path | None = None

    @property
    def upscaling(self) -> int:
        """Pixels of the restored image per camera pixel and axis."""
        return self.card.upscaling
