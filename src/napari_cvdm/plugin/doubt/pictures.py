"""The pictures that views need and no run has made: maps, overlays, a cut original, a single draw."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal
from superqt.utils import qthrottled

from napari_cvdm.assessment.overlay import certainty_by_colour, certainty_by_opacity
from napari_cvdm.plugin.doubt.schedule_task import schedule_task
from napari_cvdm.plugin.doubt.slices import lying_under
from napari_cvdm.plugin.results.contrast import doubt_limits
from napari_cvdm.plugin.results.layers import full_data
from napari_cvdm.plugin.results.placement import PLACE_EVENTS, lay, where_it_lies
from napari_cvdm.plugin.viewer.background import Background, Task
from napari_cvdm.plugin.viewer.following import follow
from napari_cvdm.plugin.viewer.world import to_world

if TYPE_CHECKING:
    from napari.layers import Image, Layer

    from napari_cvdm.assessment.doubt import Measure
    from napari_cvdm.plugin.doubt.link import Link, Look
    from napari_cvdm.plugin.doubt.own_layers import OwnLayers
    from napari_cvdm.plugin.doubt.slices import Slice

#: Errors, as shares of the signal, that the relative overlay shows as sure and as fully doubtful. Of a fine
#: structure half of the signal is common.
_RELATIVE_LIMITS = (0.25, 1.0)
#: Share of the uncertainty's contrast range from which on the overlay is fully orange: few pixels come near
#: its end.
_FULL = 0.6


class Pictures(QObject):
    """Makes and renews the panel's layers. Lives on the main thread; what takes long is done in another.

    Attributes
    ----------
    swipe : float
        Share of the width, 0 to 1, at which the original ends.
    draw : int
        Number of the draw that is shown, from 0.
    failed, busy : signal
        Why the picture of a view cannot be made; whether there is something to wait for.
    """

    #: What the view of that key needs is there.
    ready = Signal(str)

    def __init__(self, link: Link, own: OwnLayers, parent: QObject) -> None:
        super().__init__(parent)
        self._link, self._own = link, own
        self._key = "own"
        # What was read for the swipe: of which data, which layer's they are, which plane, and its pixels.
        self._at_hand: tuple[Any, Image, Slice, np.ndarray] | None = None
        self.swipe = 0.5
        self.draw = 0
        self._background = Background(self)
        self._background.done.connect(self._on_computed)
        self.failed, self.busy = self._background.failed, self._background.busy
        self._followed: Image | None = None
        link.switched.connect(self._follow)
        link.contrast_changed.connect(self._on_contrast)
        link.moved.connect(self.renew_soon)
        for event in self._turns:
            event.connect(self._on_turned)
        self._follow()

    def prepare(self, key: str) -> None:
        """Make what the view of that key needs; `ready` tells when it is there."""
        self._key, self._at_hand = key, None
        self._background.drop()
        self.renew_soon()

    def renew(self) -> None:
        """Bring the current view's picture up to date with the plane and the contrast limits."""
        key, link = self._key, self._link
        if link.result is None:
            return
        if key in ("own", "reconstruction", "beside"):
            self.ready.emit(key)
        elif self._background.running:  # or, while a stack plays, no picture would ever be done
            self.renew_soon()
        elif key == "swipe" and link.original is not None:
            self._prepare_swipe()
        elif key == "draws" and (draws := link.result.draws) is not None:
            self._show_draw(draws)
        elif key == "schedule" and link.original is not None:
            self._ask(schedule_task(link), partial(self._show_plane, key, link.current()))
        elif key in ("uncertainty", "colour", "opacity") and link.look is not None:
            look = link.look
            self._ask(_composition(key, look), partial(self._show_plane, key, look.slice))

    #: Changes in quick succession, as of a dragged slider, share a renewal.
    renew_soon = qthrottled(renew, timeout=40, leading=False)

    def scalar(self) -> tuple[Layer | None, Measure]:
        """Return the layer that the view shows in false colours, if any, and in what its values are."""
        layer = self._own.get(self._key) if self._key in ("uncertainty", "schedule") else None
        return layer, self._link.measure if self._key == "uncertainty" else "absolute"

    def close(self) -> None:
        """Want nothing any more."""
        self._link.switched.disconnect(self._follow)
        for event in self._turns:
            event.disconnect(self._on_turned)
        self._follow(False)
        self.renew_soon.cancel()
        self._tell.cancel()

    def _follow(self, on: bool = True) -> None:
        """Let the swipe look as the original looks, whatever becomes of that."""
        slots = dict.fromkeys(("data", *PLACE_EVENTS), self.renew_soon) | dict.fromkeys(_LOOKS, self._dress)
        self._background.drop()
        self._at_hand = None  # or it would keep the pixels of an original that the user has deleted
        self._followed = follow(self._link.original if on else None, self._followed, slots)

    @property
    def _turns(self) -> tuple[Any, ...]:
        """Events after which another side of the plane is on the left of the screen."""
        viewer = self._link.viewer
        return viewer.dims.events.order, viewer.scene.camera.events.orientation

    def _on_contrast(self) -> None:
        """The overlays are made with it, and not the learned schedule, which takes long."""
        if self._key != "schedule":
            self.renew_soon()

    def _on_turned(self) -> None:
        """The slider cuts across the screen, and the plane in view may be the same."""
        if self._key == "swipe":
            self.renew_soon()

    def _dress(self) -> None:
        layer, original = self._own.get("swipe"), self._link.original
        if layer is not None and original is not None and not original.rgb:
            for name in _LOOKS:
                setattr(layer, name, getattr(original, name))

    # A layer is added in one turn of the event loop and shown in another: both take napari a while.
    @qthrottled(timeout=25, leading=False)
    def _tell(self) -> None:
        if self._own.get(self._key) is not None:
            self.ready.emit(self._key)

    def _ask(self, task: Task, show: Callable[[np.ndarray], None]) -> None:
        """Have a picture made; it is dropped with another view, result or original."""
        self._background.ask(lambda checkpoint: (show, task(checkpoint)))

    def _on_computed(self, answer: tuple[Callable[[np.ndarray], None], np.ndarray]) -> None:
        show, plane = answer
        show(plane)

    def _show_plane(self, key: str, place: Slice | None, plane: np.ndarray) -> None:
        result = self._link.result
        assert result is not None
        assert place is not None
        looks = self._looks(key, result.reconstruction.name, plane)
        layer = self._own.show_plane(key, plane, place, result, self._uppermost(), False, **looks)
        if key == "uncertainty":
            self._fit_limits(layer)
        self._tell()

    def _uppermost(self) -> Layer | None:
        """Return the layer that a picture comes right above, so that nothing seen with it covers it."""
        layers, result, original = self._link.viewer.layers, self._link.result, self._link.original
        seen = [layer for layer in (*result.layers, original) if layer in layers] if result else []
        return max(seen, key=layers.index, default=None)

    def _looks(self, key: str, base: str, plane: np.ndarray) -> dict[str, Any]:
        if key in ("colour", "opacity"):
            what = "overlay" if key == "colour" else "faded overlay"
            return {"name": f"{base} {what}", "blending": "translucent_no_depth"}
        colormap, what, limits = "magma", "uncertainty map", (0.0, 1.0)  # until `_fit_limits`
        if key == "schedule":
            low, high = (float(limit) for limit in np.percentile(plane[::4, ::4], (1, 99)))
            colormap, what, limits = "viridis", "learned schedule", (low, max(high, low + 1e-6))
        return {
            "name": f"{base} {what}",
            "colormap": colormap,
            "blending": "translucent_no_depth",
            "contrast_limits": limits,
        }

    def _fit_limits(self, layer: Any) -> None:
        """Set contrast limits anew for another measure or channel, and at a run's end.

        Otherwise they are the user's.
        """
        look = self._link.look
        if look is None:
            return
        key = (look.measure, look.finished, id(look.result), look.result.channel_at(look.slice.index))
        if layer.metadata.get("limits of") == key:
            return
        layer.metadata["limits of"] = key
        top = look.curve.highest or 1.0
        top = min(top, 1.0) if look.measure == "relative" else top
        layer.contrast_limits_range = (0.0, 2 * top)
        layer.contrast_limits = (0.0, top)

    def _prepare_swipe(self) -> None:
        """Show the plane in view of the original up to the slider; read it first, unless it is at hand."""
        original, result = self._link.original, self._link.result
        assert original is not None
        assert result is not None
        place = lying_under(result.reconstruction, original, self._link.viewer.dims)
        if place is None:
            return
        data = full_data(original)
        if isinstance(data, np.ndarray):  # nothing is read, so nothing need be left out
            place = replace(place, step=1)
        at_hand = self._at_hand
        if at_hand is not None and at_hand[0] is data and at_hand[1:3] == (original, place):
            self._show_swipe(*at_hand)
        else:
            self._ask(lambda _: place.take(data), partial(self._show_swipe, data, original, place))

    def _show_swipe(self, data: Any, original: Image, place: Slice, plane: np.ndarray) -> None:
        result = self._link.result
        assert result is not None
        self._at_hand = data, original, place, plane
        viewer = self._link.viewer
        dims = viewer.dims
        horizontal = dims.displayed[-1] - (dims.ndim - original.ndim)
        if horizontal not in place.displayed:  # while it was read, the view has turned to other axes
            return
        # A layer may lie turned or mirrored: its columns, or its rows, may go to the right or to the left. So
        # may the whole view.
        flipped = viewer.scene.camera.orientation2d[1] == "left"
        origin, *ends = to_world(original, place.points(np.array([(0, 0), (1, 0), (0, 1)])), dims.units)
        rightwards = [(end - origin)[horizontal] / np.linalg.norm(end - origin) for end in ends]
        across = int(np.argmax(np.abs(rightwards)))
        columns = max(1, round(self.swipe * plane.shape[across]))
        begin = plane.shape[across] - columns if (rightwards[across] < 0) != flipped else 0
        left = plane[(slice(None),) * across + (slice(begin, begin + columns),)]
        borders = list(place.borders)
        borders[across] = borders[across][0] + begin * place.step, borders[across][1]
        place = replace(place, borders=tuple(borders))
        looks = {name: getattr(original, name) for name in (() if original.rgb else _LOOKS)}
        looks |= {"name": f"{original.name} (swipe)", "blending": "translucent_no_depth"}
        above = self._uppermost()
        self._own.show_plane("swipe", left, place, result, above, False, like=original, **looks)
        self._tell()

    def _show_draw(self, draws: Any) -> None:
        from napari.layers import Image

        result = self._link.result
        assert result is not None
        reconstruction = result.reconstruction
        self.draw = min(self.draw, draws.shape[0] - 1)
        data = draws[self.draw]
        layer, limits = self._own.get("draws"), list(reconstruction.contrast_limits)
        # What the user makes of this picture has its metadata, and must not keep a deleted result.
        of = weakref.ref(reconstruction)
        if layer is not None and layer.metadata.get("of") == of:
            layer.data = data
            lay(layer, where_it_lies(reconstruction))
            if layer.metadata.get("limits") != limits:  # such as those of another channel
                layer.contrast_limits = layer.metadata["limits"] = limits
        else:
            self._own.remove("draws")
            looks = {name: getattr(reconstruction, name) for name in _LOOKS} | where_it_lies(reconstruction)
            layer = Image(data, name=f"{reconstruction.name} draw", rgb=False, multiscale=False, **looks)
            layer.blending = "translucent_no_depth"
            layer.metadata.update(of=of, limits=limits)
            self._own.add("draws", layer, self._uppermost(), False)
        self._tell()


_LOOKS = ("contrast_limits", "colormap", "gamma")


def _composition(key: str, look: Look) -> Task:
    (low, high), (least, most) = (
        [float(limit) for limit in layer.contrast_limits] for layer in look.result.layers
    )
    mean, std = (layer.data[-1] if layer.multiscale else layer.data for layer in look.result.layers)

    def compose(checkpoint: Any) -> np.ndarray:
        uncertainty = look.doubt.uncertainty(look.measure)
        if key == "uncertainty":
            return uncertainty
        orange = _RELATIVE_LIMITS
        if look.measure == "absolute":
            begin, end = doubt_limits((least, most), mean, std, uncertainty)
            orange = begin, begin + _FULL * (end - begin)
        compose_as = certainty_by_colour if key == "colour" else certainty_by_opacity
        return compose_as(look.doubt.mean, uncertainty, (low, high), orange)

    return compose
