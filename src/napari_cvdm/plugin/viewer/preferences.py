"""What the user has set for this plugin in napari's preferences, and what was used last."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

_log = logging.getLogger(__name__)

#: The folder for models that `apply_cache_folder` has put into the environment, by the variable's name.
_applied: dict[str, str] = {}


@dataclass(frozen=True)
class Preferences:
    """Defaults of the form; the same as the manifest's, for a widget used without it.

    Attributes
    ----------
    default_model : str
        Name of a model, or the path of a model file.
    preset : str
        Name of a preset, or "custom".
    draws : int
        Draws per plane.
    device : str
        "auto", "cpu", "cuda" or "mps".
    tile : int or "auto"
        Side of a tile in input pixels.
    """

    default_model: str = "default"
    preset: str = "standard"
    draws: int = 8
    device: str = "auto"
    tile: int | Literal["auto"] = "auto"


def read_preferences() -> Preferences:
    """Read the preferences; whatever is missing or makes no sense is left at its default."""
    section = _section()
    usual = Preferences()
    draws, tile = getattr(section, "draws", usual.draws), getattr(section, "tile", 0)
    return Preferences(
        default_model=str(getattr(section, "default_model", "") or usual.default_model),
        preset=str(getattr(section, "preset", "") or usual.preset),
        draws=draws if isinstance(draws, int) and draws > 0 else usual.draws,
        device=str(getattr(section, "device", "") or usual.device),
        tile=tile if isinstance(tile, int) and tile > 0 else "auto",
    )


def remember(used: Preferences) -> None:
    """Keep what a run was started with, so that the form begins with it next time."""
    section = _section()
    values = {**asdict(used), "tile": 0 if used.tile == "auto" else used.tile}
    keep_settings(section, {k: v for k, v in values.items() if getattr(section, k, v) != v})


def keep_settings(section: Any, values: Mapping[str, Any]) -> None:
    """Change settings of napari, by their names; it writes them to their file at once.

    A file that cannot be written, on a full disk or in a home that is read-only, costs no more than that they
    hold until napari is closed.
    """
    failure: OSError | None = None
    for name, value in values.items():
        try:
            setattr(section, name, value)
        except OSError as error:
            failure = error
    if failure is not None:
        _log.warning("Settings hold until napari is closed, as they cannot be written: %s", failure)


def apply_cache_folder() -> None:
    """Let the model store use the folder that the preferences name now, or else the platform's.

    An environment variable set from outside, as facilities do, has the last word.
    """
    from napari_cvdm.models.settings import CACHE_VARIABLE

    folder = str(getattr(_section(), "cache_folder", "") or "").strip()
    if os.environ.get(CACHE_VARIABLE) not in (None, _applied.get(CACHE_VARIABLE)):
        return
    if folder:
        os.environ[CACHE_VARIABLE] = _applied[CACHE_VARIABLE] = folder
    else:
        os.environ.pop(CACHE_VARIABLE, None)
        _applied.clear()


def take_gpu_hint() -> bool:
    """Whether to say that no GPU was found; it is said once, and then no more."""
    section = _section()
    if section is None or not getattr(section, "gpu_hint", False):
        return False
    keep_settings(section, {"gpu_hint": False})
    return True


def _section() -> Any:
    try:
        from napari.settings import get_plugin_settings

        return getattr(get_plugin_settings("napari-cvdm"), "restoration", None)
    except (KeyError, ValueError):  # a widget used without its manifest
        return None
