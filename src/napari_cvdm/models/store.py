"""Finding models: in the cache folder, in the package, or behind an address.

The cache folder and the place to download from can be changed by environment variables, so that a facility
can serve models from its own disk or web server.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.registry import BUNDLED_FOLDER, Registry, RegistryEntry, read_registry
from napari_cvdm.models.weights import file_sha256, read_model

if TYPE_CHECKING:
    from napari_cvdm.models.download import DownloadProgress
    from napari_cvdm.models.pretrained import PretrainedModel

__all__ = ["ListedModel", "cache_folder", "find_file", "list_models", "load_model"]

CACHE_VARIABLE = "NAPARI_CVDM_CACHE"
"""Environment variable that names the cache folder."""

BASE_URL_VARIABLE = "NAPARI_CVDM_BASE_URL"
"""Environment variable that names a folder or an address to fetch every model from."""

_MOST_LOADED = 4  # networks kept in memory; a user compares two or three
_loaded: dict[str, PretrainedModel] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class ListedModel:
    """A model that `load_model` knows by name.

    Parameters
    ----------
    entry : RegistryEntry
        Its name, summary, size, hash and licence.
    location : {"cached", "bundled", "remote"}
        Where it would be taken from: the cache folder, the package, or an address.
    path : Path or None
        The file, when it is on this machine.
    is_default : bool
        Whether "default" means this model.
    """

    entry: RegistryEntry
    location: Literal["cached", "bundled", "remote"]
    path: Path | None
    is_default: bool

    @property
    def name(self) -> str:
        """The name that `load_model` takes."""
        return self.entry.name

    @property
    def summary(self) -> str:
        """One line on what the model is for."""
        return self.entry.summary


def cache_folder() -> Path:
    """Return the folder for downloaded models; it may not exist yet.

    The variable NAPARI_CVDM_CACHE names it; otherwise it is the platform's cache folder for napari-cvdm.
    """
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("napari-cvdm", appauthor=False) / "models"


def list_models(*, registry: Registry | None = None) -> list[ListedModel]:
    """List the models that can be loaded by name, the default first. Neither reads weights nor imports torch.

    Parameters
    ----------
    registry : Registry, optional
        Where to look; by default the package's own.
    """
    registry = registry or read_registry()
    listed = []
    for entry in registry.entries.values():
        location, path = _locate(entry)
        listed.append(ListedModel(entry, location, path, entry.name == registry.default))
    return sorted(listed, key=lambda model: not model.is_default)


def find_file(
    name: str, *, registry: Registry | None = None, progress: DownloadProgress | None = None
) -> tuple[Path, RegistryEntry]:
    """Find the file of a published model, fetching it when it is not on this machine.

    Parameters
    ----------
    name : str
        Its name, or "default".
    registry : Registry, optional
        Where to look; by default the package's own.
    progress : DownloadProgress, optional
        Told how far a download is; may cancel it by raising.

    Returns
    -------
    path : Path
        The file; its hash is right.
    entry : RegistryEntry
        What the registry says about it.

    Raises
    ------
    ModelError
        If there is no such model, the file on this machine has the wrong hash, or it cannot be fetched.
    """
    entry = (registry or read_registry()).find(name)
    location, path = _locate(entry)
    if path is None:
        from napari_cvdm.models.download import download

        return download(entry, cache_folder(), _addresses(entry), progress), entry
    if path.stat().st_size != entry.size or file_sha256(path) != entry.sha256:
        remedy = (
            "Delete it, so that it is taken from its source again, or put the right file there."
            if location == "cached"
            else "The installation is damaged: reinstall napari-cvdm."
        )
        raise ModelError(
            f"{path} is not the model '{entry.name}': its sha256 is not {entry.sha256[:12]}... as the "
            f"registry says, so it is damaged, altered or another version. {remedy}"
        )
    return path, entry


def load_model(
    name_or_path: str | Path = "default",
    *,
    registry: Registry | None = None,
    progress: DownloadProgress | None = None,
) -> PretrainedModel:
    """Load a model, by its name in the registry or from a file of your own.

    A model by name is looked for in the cache folder, then in the package, then downloaded, and its hash
    is verified in every case. A model stays in memory: loading the same file again costs a hash.

    Parameters
    ----------
    name_or_path : str or Path, optional
        "default", another name that `list_models` shows, or the path of a .safetensors file.
    registry : Registry, optional
        Where to look names up; by default the package's own.
    progress : DownloadProgress, optional
        Told how far a download is; may cancel it by raising.

    Returns
    -------
    PretrainedModel
        Shared between all callers that load the same file: move or change a copy of its network.

    Raises
    ------
    ModelError
        If there is no such model, or it cannot be fetched or read.

    Examples
    --------
    >>> import napari_cvdm
    >>> model = napari_cvdm.load_model()  # doctest: +SKIP
    >>> model.upscaling  # doctest: +SKIP
    2
    """
    registry = registry or read_registry()
    if (path := _as_path(name_or_path, registry)) is None:
        path, entry = find_file(str(name_or_path), registry=registry, progress=progress)
        sha256 = entry.sha256
    else:
        if not path.is_file():
            raise ModelError(f"There is no model file {path}.")
        sha256 = file_sha256(path)
    with _lock:  # two workers asking for one model read it once
        model = _loaded.pop(sha256, None) or read_model(path, sha256=sha256)
        _loaded[sha256] = model
        while len(_loaded) > _MOST_LOADED:
            del _loaded[next(iter(_loaded))]
    return model


def _locate(entry: RegistryEntry) -> tuple[Literal["cached", "bundled", "remote"], Path | None]:
    if (path := cache_folder() / entry.file).is_file():
        return "cached", path
    if (path := BUNDLED_FOLDER / entry.file).is_file():
        return "bundled", path
    return "remote", None


def _addresses(entry: RegistryEntry) -> tuple[str, ...]:
    """Return where to fetch a file: only the base address if there is one; others may be blocked there."""
    base = os.environ.get(BASE_URL_VARIABLE)
    if not base:
        return entry.urls
    if "://" not in base:
        base = Path(base).expanduser().absolute().as_uri()
    return (f"{base.rstrip('/')}/{entry.file}",)


def _as_path(name_or_path: str | Path, registry: Registry) -> Path | None:
    """Return the path that the user means, or None when it is a name."""
    if isinstance(name_or_path, Path):
        return name_or_path.expanduser()
    if name_or_path == "default" or name_or_path in registry.entries:
        return None
    if "://" in name_or_path:
        raise ModelError(
            f"Models are not loaded from addresses: download {name_or_path} and give the file's path."
        )
    path = Path(name_or_path).expanduser()
    looks_like_a_path = path.suffix in {".safetensors", ".h5"} or path.name != name_or_path or path.is_file()
    return path if looks_like_a_path else None
