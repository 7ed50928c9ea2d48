"""Layers that are out of sight for a while: until a moment after they were added, or until a view is over.

napari takes a while to make a layer's controls, and again to draw it first. So a layer is added hidden, and
shown when the event loop has come round. Views of the uncertainty panel hide what does not belong to them.
Who looks at a layer's visibility in between must not take it for one that is to stay hidden.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

from napari_cvdm.plugin.results.links import link_callbacks

if TYPE_CHECKING:
    from napari.layers import Layer

_COMING: WeakSet[Layer] = WeakSet()
#: Whether each layer that a view shows or hides is seen after it.
_LENT: WeakKeyDictionary[Layer, bool] = WeakKeyDictionary()


def come_into_sight_later(layer: Layer) -> None:
    """Note that a hidden layer is to be shown: `bring_into_sight` will do so. For the main thread."""
    _COMING.add(layer)


def bring_into_sight(layer: Layer) -> None:
    """Show a layer for which that was noted, unless it is to stay hidden now."""
    # A layer shown again would lose the tool that was taken up on it.
    if layer in _COMING:
        _COMING.remove(layer)
        set_visible_alone(layer, True)


def lend_to_view(layer: Layer) -> None:
    """Let a view show and hide a layer, which is to be as it is now afterwards. For the main thread."""
    _LENT.setdefault(layer, layer in _COMING or layer.visible)
    _COMING.discard(layer)


def see_after_view(layer: Layer) -> None:
    """Let a view show and hide a layer, which is to be seen afterwards."""
    _LENT[layer] = True


def take_back_from_view(layer: Layer) -> bool:
    """Return whether a layer is to be seen now that a view is over."""
    return _LENT.pop(layer, layer.visible)


def is_seen_without_view(layer: Layer) -> bool:
    """Whether a layer is seen, or will be when a view is over."""
    return _LENT.get(layer, layer.visible)


def hide(layer: Layer) -> None:
    """Hide a layer, and let it stay hidden when a view is over."""
    if layer in _LENT:
        _LENT[layer] = False
    set_visible_alone(layer, False)


def show_again(layer: Layer) -> None:
    """Show a layer that was hidden; if a view has it just then, after that."""
    if layer in _LENT:
        _LENT[layer] = True
    else:
        set_visible_alone(layer, True)


def set_visible_alone(layer: Layer, visible: bool) -> None:
    """Show or hide a layer, unless it is already, but no layers that the user has linked to it.

    They stay linked. Those that a view must hide are often linked to those that it shows.
    """
    if layer.visible == visible:
        return
    changed = layer.events.visible
    with ExitStack() as blocked:
        for callback in link_callbacks(layer, "visible"):
            blocked.enter_context(changed.blocker(callback))
        layer.visible = visible
