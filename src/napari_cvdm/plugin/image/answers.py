"""What the owner of an image has said of it, because nothing else tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_cvdm.plugin.image.input_pixels import Colours


@dataclass(frozen=True)
class Answers:
    """Answers to the questions about one image; without any, nothing was said.

    Attributes
    ----------
    roles : mapping of int to str
        Letters of axes without a name, by the number of the axis.
    colours : {"average", "channels"}
        What is to become of colours.
    ticks : mapping of int to tuple of bool
        Whether each channel is to be restored, by the number of the axis that the channels lie along.
    """

    roles: Mapping[int, str] = field(default_factory=dict)
    colours: Colours = "average"
    ticks: Mapping[int, tuple[bool, ...]] = field(default_factory=dict)

    def ticks_of(self, axis: int, channels: int) -> tuple[bool, ...]:
        """Return whether each channel along an axis is to be restored: all, unless as many were ticked."""
        ticks = self.ticks.get(axis, ())
        return ticks if len(ticks) == channels else (True,) * channels
