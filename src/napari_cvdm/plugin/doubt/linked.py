"""Which layers belong together: reconstruction, uncertainty and draws of each run.

Layers are told by their metadata alone, so that a result read back from a file is known as well as a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_cvdm.plugin.results.layers import (
    DRAWS_KEY,
    METADATA_KEY,
    PICTURES,
    full_data,
    is_for_show,
    is_result,
)
from napari_cvdm.plugin.stored.stated import table
from napari_cvdm.restoration.intervals import interval_factor
from napari_cvdm.restoration.run_identity import run_of

if TYPE_CHECKING:
    from napari.layers import Image, Layer

COLOURS_PARTED = (
    "The original is an RGB picture whose colours were restored as channels: split it (right-click its layer "
    "→ Split RGB) and restore the channels to compare."
)
"""Why there is no original to choose where `Result.colours_parted`."""


@dataclass(frozen=True)
class Result:
    """The layers of one run. Two of these are equal if their layers are the same.

    Attributes
    ----------
    reconstruction, uncertainty : napari.layers.Image
        Of the same shape.
    """

    reconstruction: Image
    uncertainty: Image

    @property
    def layers(self) -> tuple[Image, Image]:
        """Both layers."""
        return self.reconstruction, self.uncertainty

    @property
    def provenance(self) -> dict[str, Any]:
        """How the result was made."""
        return table(self.reconstruction.metadata.get(METADATA_KEY))

    @property
    def finished(self) -> bool:
        """Whether the run that makes it is over."""
        return self.provenance.get("finished") is not False

    @property
    def calibrated(self) -> bool:
        """Whether the standard deviation was calibrated."""
        return self.provenance.get("uncertainty") == "calibrated"

    @property
    def colours_parted(self) -> bool:
        """Whether the colours of an RGB layer became channels, for which that layer itself has no axis."""
        asked = table(self.provenance.get("asked"))
        return bool(asked.get("rgb")) and asked.get("colours") == "channels"

    @property
    def channel_axis(self) -> int | None:
        """The axis of channels, whose intensities are not to be compared; None if there is none."""
        axis = axes_of(self.provenance, self.reconstruction.ndim).find("C")
        return None if axis < 0 else axis

    def channel_at(self, index: Sequence[int | None]) -> int | None:
        """Return which channel a plane is of, of that index along each axis; None if that says no channel."""
        return None if self.channel_axis is None else index[self.channel_axis]

    @property
    def interval_factor(self) -> float:
        """Half the width of the 90 % interval, in standard deviations."""
        return interval_factor(0.9, self.provenance)

    @property
    def draws(self) -> Any | None:
        """The single draws, shape (draws, *reconstruction.shape), or None if they were not kept."""
        draws = self.reconstruction.metadata.get(DRAWS_KEY)
        shape: tuple[int, ...] = tuple(getattr(draws, "shape", ()))
        fits = shape[1:] == tuple(full_data(self.reconstruction).shape)
        return draws if fits and shape[0] > 0 else None


def find_results(layers: Iterable[Layer]) -> list[Result]:
    """Pair the result layers of a viewer: those of one run and shape. They come in the order of the layers.

    A layer whose partner is missing is left out.
    """
    waiting: dict[str, list[Image]] = {}
    found: list[Result] = []
    for layer in layers:
        picture = _picture(layer)
        if picture is None:
            continue
        other = "uncertainty" if picture == "reconstruction" else "reconstruction"
        key = _run_of(layer)
        if partners := waiting.get(key + other):
            partner = partners.pop(0)
            pair = (layer, partner) if picture == "reconstruction" else (partner, layer)
            found.append(Result(*pair))
        else:
            waiting.setdefault(key + picture, []).append(layer)
    return found


def axes_of(provenance: dict[str, Any], ndim: int) -> str:
    """Return one letter for each axis of a result; unnamed ones in front of Y and X if it does not say."""
    axes = provenance.get("axes")
    fits = isinstance(axes, str) and len(axes) == ndim and {"Y", "X"} <= set(axes)
    return str(axes) if fits else "YX".rjust(ndim, "Q")


def is_image_of_user(layer: Any) -> bool:
    """Whether a layer is an image that the plugin has not made."""
    from napari.layers import Image

    return isinstance(layer, Image) and not is_result(layer) and not is_for_show(layer)


def _picture(layer: Any) -> str | None:
    if not is_result(layer) or layer.rgb:
        return None
    picture = table(layer.metadata[METADATA_KEY]).get("picture")
    return picture if picture in PICTURES else None


def _run_of(layer: Image) -> str:
    """Return what layers of one run have in common, shape included."""
    return f"{run_of(layer.metadata[METADATA_KEY])} {full_data(layer).shape} "
