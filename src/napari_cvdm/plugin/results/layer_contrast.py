"""The contrast limits of a result layer: a pair for each channel, of which the layer has that in view.

napari gives a layer one pair of limits. Beside a bright channel a dim one would look dark and, wrongly, free
of doubt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from napari_cvdm.plugin.results.layers import (
    CHANNELS_KEY,
    METADATA_KEY,
    Picture,
    channels_of,
    full_data,
    real,
)
from napari_cvdm.plugin.results.links import link_callbacks
from napari_cvdm.plugin.viewer.world import to_data

if TYPE_CHECKING:
    from napari.layers import Image

Pair = tuple[float, float]

_CHANGES_OF_THE_PLANE = ("current_step", "ndisplay", "order", "ndim")

#: napari holds callbacks weakly; what is here lives as long as its layer.
_FOLLOWING: WeakKeyDictionary[Image, LayerContrast] = WeakKeyDictionary()


class LayerContrast:
    """Sets a result layer's contrast limits, and never undoes what the user has set. For the main thread.

    With channels, the limits are kept in the layer's ``metadata`` under `CHANNELS_KEY`, to be saved with it.

    ``dims`` are those of the viewer that the layer is in, or will be. ``limits`` are given for each channel
    that there is something of; for channel 0, if the layer has no ``axis`` of channels.
    """

    #: Limits follow those of a run only when they are off by more than this share of their span.
    _HYSTERESIS = 0.1

    def __init__(
        self, layer: Image, picture: Picture, dims: Any, limits: dict[int, Pair], axis: int | None = None
    ) -> None:
        self._layer, self._picture, self._dims, self._axis = ref(layer), picture, dims, axis
        self._limits = dict(limits)
        #: The limits that are not the user's.
        self._given = dict(limits)
        self._channel: int | None = None
        layer.events.contrast_limits.connect(self._note)
        if axis is not None:
            layer.metadata[CHANNELS_KEY] = {"axis": axis, "ndim": layer.ndim, "limits": self._limits}
            _FOLLOWING[layer] = self
            for name in _CHANGES_OF_THE_PLANE:
                dims.events[name].connect(self.follow)
        self.follow()

    def fit(self, limits: dict[int, Pair], final: bool) -> None:
        """Let the limits follow the pictures of a run, but not flicker; ``final`` ones shall fit exactly."""
        for channel, wanted in limits.items():
            given = self._given.get(channel)
            if self._limits.get(channel) != given:
                continue
            if given is not None:
                moved = max(abs(wanted[0] - given[0]), abs(wanted[1] - given[1])) / (given[1] - given[0])
                if moved <= (0 if final else self._HYSTERESIS):
                    continue
            self._limits[channel] = self._given[channel] = wanted
            if channel == self._channel:
                self._show(channel)

    def follow(self) -> None:
        """Give the layer the limits of the channel in view, if another one has come into view."""
        channel = self._in_view()
        if channel is not None and channel != self._channel:
            self._channel = channel
            self._show(channel)

    def _show(self, channel: int) -> None:
        layer, limits = self._layer(), self._limits.get(channel)
        if layer is None or limits is None or link_callbacks(layer, "contrast_limits"):
            return  # those of linked layers would change with them
        theirs = limits != self._given.get(channel)
        low, high = limits
        # The range of the slider leaves room on both sides; an uncertainty is never below zero.
        bottom = min(0.0, low) if self._picture == "uncertainty" else low - (high - low) / 2
        layer.contrast_limits_range = bottom, high + max(high, high - low)
        layer.contrast_limits = limits
        self._note()  # as napari has them, and in case it found nothing to tell
        if not theirs:
            self._given[channel] = self._limits[channel]

    def _note(self) -> None:
        """Take down what limits the channel in view has, whoever has set them."""
        layer, channel = self._layer(), self._in_view()
        channel = self._channel if channel is None else channel
        if layer is not None and channel is not None:
            low, high = layer.contrast_limits
            self._limits[channel] = float(low), float(high)

    def _in_view(self) -> int | None:
        """Return the channel that the viewer shows; None while it shows several, or none of the layer's."""
        layer, dims = self._layer(), self._dims
        if self._axis is None:
            return 0
        if layer is None or dims.ndim < layer.ndim or self._axis + dims.ndim - layer.ndim in dims.displayed:
            return None
        channel = round(float(to_data(layer, dims.point, dims.units)[self._axis]))
        return channel if 0 <= channel < full_data(layer).shape[self._axis] else None


def follow_channels(dims: Any, layers: list[Image]) -> None:
    """Let the contrast of layers that were stored with limits for each channel follow the viewer's slider.

    Layers that say nothing of channels, or that follow already, are passed over.
    """
    for layer in map(real, layers):
        kept = channels_of(layer.metadata, layer.ndim)
        if kept is not None and layer not in _FOLLOWING:
            picture = layer.metadata.get(METADATA_KEY, {}).get("picture", "reconstruction")
            LayerContrast(layer, picture, real(dims), kept["limits"], kept["axis"])
