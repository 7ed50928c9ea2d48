"""Ways to look at a result: which layers are seen in each, and the viewer put back as it was afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from napari_cvdm.plugin.doubt.link import Link
from napari_cvdm.plugin.doubt.linked import is_image_of_user
from napari_cvdm.plugin.doubt.own_layers import OwnLayers
from napari_cvdm.plugin.results.adding import OwnChange
from napari_cvdm.plugin.results.into_sight import (
    is_seen_without_view,
    lend_to_view,
    see_after_view,
    set_visible_alone,
    take_back_from_view,
)
from napari_cvdm.plugin.results.layers import is_for_show, is_result

if TYPE_CHECKING:
    from napari.layers import Layer


@dataclass(frozen=True)
class View:
    """A way to look at a result; ``needs`` is "original" or "draws" if there is nothing to see without."""

    key: str
    name: str
    tip: str
    needs: str = ""


VIEWS = (
    View("own", "Layers as you set them", "The panel leaves visibility and grid to you."),
    View("reconstruction", "Reconstruction", "The best estimate alone."),
    View("uncertainty", "Uncertainty", "How large an error to expect, pixel by pixel."),
    View("colour", "Overlay: doubt in orange", "Brightness is intensity; grey is sure, orange is not."),
    View(
        "opacity",
        "Overlay: doubt fades away",
        "What is sure is opaque. Where the model doubts, your own image shows through.",
    ),
    View("beside", "Side by side with the original", "Both move and zoom together.", needs="original"),
    View(
        "swipe",
        "Swipe over the original",
        "Your image to the left of the slider, the reconstruction to its right.",
        needs="original",
    ),
    View(
        "draws",
        "Single draws",
        "Sharp images that all agree with yours. What flickers from one to the next is doubtful.",
        needs="draws",
    ),
    View(
        "schedule",
        "Learned schedule",
        "What the model learned about this image before drawing anything: how early each pixel is hidden in "
        "noise. Bright means early. It goes with structure and stated uncertainty; it is no error bar.",
        needs="original",
    ),
)

#: One row: the eye goes from left to right and back at the same height.
_SIDE_BY_SIDE = {"shape": (1, -1), "stride": 1, "spacing": 4, "enabled": True}


class Arrangement:
    """Shows and hides layers for a view, and remembers how they were.

    Of the panel's layers ``own`` are the pictures for its views, ``maps`` those for the user's own view
    alone: bright colours that would be added to those of another.
    """

    def __init__(self, link: Link, own: OwnLayers, maps: OwnLayers) -> None:
        self._link, self._own, self._maps = link, own, maps
        self._key = "own"
        self._opened: WeakSet[Layer] = WeakSet()  # or made by the user, in the midst of the view
        #: How the user had the grid, and the camera if it was moved.
        self._before: dict[str, dict[str, Any]] | None = None
        link.viewer.layers.events.inserted.connect(self._welcome)

    def show(self, key: str) -> None:
        """Make visible what belongs to the view of that key, and hide other images."""
        if key == "own":
            self.restore()
            return
        if key != self._key:
            self._opened.clear()
        self._key = key
        if key != "beside":
            self._arrange_grid(beside=False)
        wanted, managed = self._wanted(), self._managed()
        for layer in managed:
            if not self._own.owns(layer):
                lend_to_view(layer)
            set_visible_alone(layer, any(layer is each for each in wanted))
        for layer in list(self._link.viewer.layers):
            if not any(layer is each for each in managed):  # hidden for an earlier view only
                set_visible_alone(layer, is_seen_without_view(layer))
        if key == "beside":
            self._arrange_grid(beside=True)

    def tidy(self, key: str) -> bool:
        """Remove a picture of another view, which only crowds the list; return whether there are more."""
        return self._own.remove_one(but=key)

    def receive(self, layer: Layer) -> bool:
        """Take note of a new map; return whether it is seen now, or only once the layers are put back."""
        if self._key == "own":
            return True
        see_after_view(layer)
        return False

    def restore(self) -> None:
        """Put everything back as it was before the first view; the panel's own pictures are hidden."""
        self._key = "own"
        self.leave_grid()
        for layer in list(self._link.viewer.layers):
            set_visible_alone(layer, take_back_from_view(layer))
        for layer in self._own.all():
            set_visible_alone(layer, False)  # to be removed by `tidy`

    def _welcome(self, event: Any) -> None:
        """Leave a layer that the user opens or makes during a view in sight for the rest of it."""
        layer = event.value
        if self._key == "own" or OwnChange.under_way():
            return
        if is_result(layer):
            if layer.source.path:  # a saved result, which the panel turns to
                return
            set_visible_alone(layer, True)  # what is made of a layer that the view hides is hidden, too
        self._opened.add(layer)

    def _wanted(self) -> list[Layer | None]:
        """What is to be seen; below pictures of one plane a stack, for the time until they have followed."""
        result, original = self._link.result, self._link.original
        if result is None:
            return []
        return {
            "reconstruction": [result.reconstruction],
            "uncertainty": [result.uncertainty, self._own.get("uncertainty")],
            "colour": [result.reconstruction, self._own.get("colour")],
            "schedule": [result.reconstruction, self._own.get("schedule")],
            "opacity": [original, self._own.get("opacity")],
            "beside": [original, result.reconstruction],
            "swipe": [result.reconstruction, self._own.get("swipe")],
        }.get(self._key, [self._own.get(self._key)])

    def _managed(self) -> list[Layer]:
        """The layers that would cover each other, or add their light: all images but marks.

        What the user has made of the panel's pictures is among them.
        Side by side, every visible layer would get a place of its own, so there it is all layers. While no
        original is known, the user's images are left alone: one of them may be it. So is what the user has
        opened or made in the midst of the view, unless the view is about it.
        """
        from napari.layers import Image

        result, original = self._link.result, self._link.original
        subject = (*(result.layers if result else ()), original)
        return [
            layer
            for layer in self._link.viewer.layers
            if any(layer is each for each in subject)
            or self._own.owns(layer)
            or self._maps.owns(layer)
            or (
                layer not in self._opened
                and (
                    self._key == "beside"
                    or is_result(layer)
                    or (is_for_show(layer) and isinstance(layer, Image))
                    or (original is not None and is_image_of_user(layer))
                )
            )
        ]

    def _arrange_grid(self, beside: bool) -> None:
        """Put layers side by side; or on top of each other, where the user had them in a grid."""
        before = self._before
        if before is not None and bool(before["camera"]) == beside:
            return
        self.leave_grid()
        viewer = self._link.viewer
        grid, camera = viewer.canvas.grid, viewer.scene.camera
        if not (beside or grid.enabled):
            return
        usual = {name: getattr(grid, name) for name in ("shape", "stride", "spacing", "enabled")}
        seen = {name: getattr(camera, name) for name in ("center", "zoom")}
        self._before = {"grid": usual, "camera": seen if beside else {}}
        _set_grid(grid, _SIDE_BY_SIDE if beside else {**usual, "enabled": False})
        if beside:
            result = self._link.result
            viewer.reset_view(layers=result and [result.reconstruction])  # a part of a large image is a dot

    def leave_grid(self) -> None:
        """Put the grid back as it was: with it, all that has to do with layers takes napari longer."""
        viewer, before, self._before = self._link.viewer, self._before, None
        if before is not None:
            _set_grid(viewer.canvas.grid, before["grid"])
            for name, value in before["camera"].items():
                setattr(viewer.scene.camera, name, value)


def _set_grid(grid: Any, values: dict[str, Any]) -> None:
    """Change the grid in one go: with each event, napari builds the whole scene anew."""
    known = grid.enabled == values["enabled"]
    with grid.events.blocker():
        for name in ("shape", "stride", "spacing"):
            setattr(grid, name, values[name])
    grid.enabled = values["enabled"]
    if known:
        grid.events.stride(value=grid.stride)
