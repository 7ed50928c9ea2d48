"""Where models are kept and fetched from, by environment variable, settings file or the platform's custom.

A settings file is ``models.toml`` in the configuration folder of the user, or of the whole machine, with any
of the keys ``cache_folder``, ``added_folder`` and ``base_url``.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

from napari_cvdm.models.addresses import as_path
from napari_cvdm.models.errors import ModelError

CACHE_VARIABLE = "NAPARI_CVDM_CACHE"
"""Environment variable that names the folder for downloaded models."""

ADDED_VARIABLE = "NAPARI_CVDM_ADDED"
"""Environment variable that names the folder for models that the user added."""

BASE_URL_VARIABLE = "NAPARI_CVDM_BASE_URL"
"""Environment variable that names a folder or an address to fetch every published model from."""

_APPLICATION = "napari-cvdm"
_KEYS = ("cache_folder", "added_folder", "base_url")


def cache_folder() -> Path:
    """Return the folder for downloaded models; it may not exist yet.

    A settings file that cannot be used is a `ModelError`, here and below.
    """
    if chosen := _setting("cache_folder", CACHE_VARIABLE):
        return as_path(chosen).absolute()
    import platformdirs

    return platformdirs.user_cache_path(_APPLICATION, appauthor=False) / "models"


def added_folder() -> Path:
    """Return the folder for models that the user added; it may not exist yet.

    It is not part of the platform's cache, which systems and people empty without asking. Who chooses a cache
    folder of their own chooses the place of these models too, unless they are given one of their own.
    """
    if chosen := _setting("added_folder", ADDED_VARIABLE):
        return as_path(chosen).absolute()
    if chosen := _setting("cache_folder", CACHE_VARIABLE):
        return as_path(chosen).absolute() / "added"
    import platformdirs

    return platformdirs.user_data_path(_APPLICATION, appauthor=False) / "models"


def base_url() -> str | None:
    """Return the address (of a folder, a file:// one) that replaces those of the registry, or None."""
    base = _setting("base_url", BASE_URL_VARIABLE)
    if base and "://" not in base:
        base = as_path(base).absolute().as_uri()
    return base.rstrip("/") if base else None


def settings_files() -> tuple[Path, Path]:
    """Return the settings files of the user and of the machine, in this order of precedence."""
    import platformdirs

    return (
        platformdirs.user_config_path(_APPLICATION, appauthor=False) / "models.toml",
        platformdirs.site_config_path(_APPLICATION, appauthor=False) / "models.toml",
    )


def _setting(key: str, variable: str) -> str | None:
    if chosen := os.environ.get(variable):
        return chosen
    return next((found[key] for path in settings_files() if key in (found := _read(path))), None)


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ModelError(f"The settings file {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # TOML's and Unicode's own errors are both of this kind
        raise ModelError(
            f"The settings file {path} is not valid TOML: {' '.join(str(error).split())}."
        ) from error
    for key, value in found.items():
        if key not in _KEYS or not isinstance(value, str) or not value:
            raise ModelError(
                f"The settings file {path} has {key[:40]!r}, which is no setting or no text; the settings "
                f"are {', '.join(_KEYS)}."
            )
    return found
