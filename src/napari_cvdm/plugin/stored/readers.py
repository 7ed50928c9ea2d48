"""Which of napari's readers opens what: our own results here, everything else as it was before.

When several plugins can open a path, napari asks the user, unless the preferences say which it shall be.
"""

from __future__ import annotations

import tempfile
from typing import Any

from napari_cvdm.plugin.viewer.preferences import keep_settings

_OWN, _NAPARI = "napari-cvdm", "napari"

#: What nobody but this plugin makes. napari prefers patterns of more parts, so these come before its "*".
_RESULTS = {f"*/?*.cvdm.ome.{ending}": _OWN for ending in ("tif", "tiff", "zarr/")}

#: Because this plugin opens some folders, napari would ask about all of them. While there is no third plugin
#: that opens folders, there is nothing to ask: images in OME-Zarr come here, which keeps their scale, and
#: all others go to napari.
_FOLDERS = {"*/?*.zarr/": _OWN, "*/": _NAPARI}


def settle_readers() -> None:
    """Have napari open results and folders without asking; what the user has decided stays as it is."""
    from napari.settings import get_settings

    plugins = get_settings().plugins
    present: dict[str, Any] = dict(plugins.extension2reader)
    wanted = {**_RESULTS, **present}
    if _others_open_folders():
        # A plugin that has come since must not be passed over.
        wanted = {key: value for key, value in wanted.items() if _FOLDERS.get(key) != value}
    else:
        wanted = {**_FOLDERS, **wanted}
    if wanted != present:
        keep_settings(plugins, {"extension2reader": wanted})


def _others_open_folders() -> bool:
    from npe2 import PluginManager

    readers = PluginManager.instance().iter_compatible_readers(tempfile.gettempdir())
    return bool({reader.plugin_name for reader in readers} - {_OWN, _NAPARI})
