"""What the user has set for this plugin in napari's preferences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Preferences", "read_preferences"]


@dataclass(frozen=True)
class Preferences:
    """Defaults of the form; the same as the manifest's, for a napari that has no plugin settings.

    Attributes
    ----------
    default_model : str
        Name of a model, or the path of a model file.
    draws : int
        Draws per plane.
    device : str
        "auto", "cpu", "cuda" or "mps".
    tile : int or "auto"
        Side of a tile in input pixels.
    """

    default_model: str = "default"
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
        draws=draws if isinstance(draws, int) and draws > 0 else usual.draws,
        device=str(getattr(section, "device", "") or usual.device),
        tile=tile if isinstance(tile, int) and tile > 0 else "auto",
    )


def _section() -> Any:
    try:
        from napari.settings import get_plugin_settings

        return getattr(get_plugin_settings("napari-cvdm"), "restoration", None)
    except (ImportError, KeyError, ValueError):  # an older napari, or a widget used without its manifest
        return None
