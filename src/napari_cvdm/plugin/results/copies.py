"""What is copied of a result in the making: it stays as it is, and has nothing to wait for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_cvdm.plugin.results.adding import OwnChange
from napari_cvdm.plugin.results.layer_contrast import follow_channels
from napari_cvdm.plugin.results.layers import METADATA_KEY, is_result, real

_WARNING = "Copied while its run was at work, before all was computed."


def about_copy(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be said of a copy, given what its picture says of itself.

    A picture in the making gives copies with a run of their own: whoever looks for the layers of the run
    means those that get better. Of a finished one, all is as it was.
    """
    if about.get("finished") is not False:
        return dict(about)
    known = {key: value for key, value in about.items() if key != "finished"}
    return {
        **known,
        "run": f"{about.get('run', '')} copy",
        "warnings": [*about.get("warnings", ()), _WARNING],
    }


class Copies:
    """Sees to it that layers which the user duplicates do not say that a run still makes them, if one does.

    The contrast of a duplicate follows the channels as that of its original does.
    """

    def __init__(self, viewer: Any) -> None:
        self._dims = real(viewer).dims
        viewer.layers.events.inserted.connect(self._on_inserted)

    def _on_inserted(self, event: Any) -> None:
        layer = real(event.value)
        if not is_result(layer) or OwnChange.under_way():
            return
        about = layer.metadata[METADATA_KEY]
        if about.get("finished") is False:
            layer.metadata = {**layer.metadata, METADATA_KEY: about_copy(about)}
        follow_channels(self._dims, [layer])
