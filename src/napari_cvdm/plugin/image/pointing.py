"""What the user points at in a layer: where the sliders stand, what is in view, what a rectangle encloses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_cvdm.plugin.viewer.world import Sliders, Units, to_data, to_world
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Image, Shapes


def position_in(layer: Image, sliders: Sliders, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the index into a layer of that shape at which the viewer's sliders stand."""
    data = to_data(layer, sliders.point, sliders.units)
    return tuple(int(np.clip(round(p), 0, n - 1)) for p, n in zip(data, shape, strict=True))


def check_plane_shown(axes: str, sliders: Sliders) -> None:
    """Refuse to take what is on the screen for a plane of a layer with these axes, the viewer's last.

    A volume of rows, columns and depth is no objection: its plane is the one that 2-D goes back to.

    Raises
    ------
    InputError
        If the viewer shows other axes than rows and columns.
    """
    in_front = len(sliders.point) - len(axes)
    if sliders.displayed and not {axes.index(name) + in_front for name in "YX"} <= set(sliders.displayed):
        raise InputError("A plane has rows and columns: let the viewer show these, or choose another part.")


def view_of(layer: Image, sliders: Sliders) -> npt.NDArray[np.float64]:
    """Return the box around what can be seen of a layer, in pixels at full resolution, shape (2, ndim).

    napari's own ``corner_pixels`` say which pixels it has loaded: of a layer with several levels whole chunks
    of one level, and all that was looked at before the user zoomed in.

    Raises
    ------
    InputError
        If the viewer shows a volume, and no plane.
    """
    if not len(sliders.corners):
        raise InputError(
            "The current view is a part of a plane: switch the viewer to 2-D, or choose another part."
        )
    corners = to_data(layer, sliders.corners, sliders.units)
    return np.array([np.min(corners, axis=0), np.max(corners, axis=0)])


def rectangle_of(shapes: Shapes, layer: Image, units: Units) -> npt.NDArray[np.float64]:
    """Return the box around the first selected shape, or else the last, in pixels of an image, (2, ndim).

    ``units`` are the viewer's: where it has none, layers are drawn as if all had the same.

    Raises
    ------
    InputError
        If there is no shape yet.
    """
    if not len(shapes.data):
        raise InputError(f"There is no shape in '{shapes.name}' yet: draw a rectangle there first.")
    chosen = min(shapes.selected_data, default=len(shapes.data) - 1)
    vertices = to_data(layer, to_world(shapes, shapes.data[chosen], units), units)
    return np.array([np.min(vertices, axis=0), np.max(vertices, axis=0)])


def which_shape(shapes: Shapes) -> str:
    """Say which of several shapes `rectangle_of` takes; empty where there is no choice."""
    if len(shapes.data) < 2:
        return ""
    selected = len(shapes.selected_data)
    which = "last one" if not selected else "selected one" if selected == 1 else "first selected one"
    return f"Of the {len(shapes.data)} shapes, the {which} counts."
