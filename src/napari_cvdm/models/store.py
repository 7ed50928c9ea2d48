"""Finding models by name: in the cache folder, in the package, among the user's own, or behind an address."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_cvdm.models.added import AddedModel, added_file, read_added
from napari_cvdm.models.addresses import MODEL_ENDINGS, as_path, is_address, is_file, shown
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.glance import hash_of_model
from napari_cvdm.models.hashes import as_sha256, check_sha256, file_sha256
from napari_cvdm.models.registry import BUNDLED_FOLDER, Registry, RegistryEntry, read_registry
from napari_cvdm.models.settings import CACHE_VARIABLE, base_url, cache_folder
from napari_cvdm.models.weights import read_model

if TYPE_CHECKING:
    from napari_cvdm.models.pretrained import PretrainedModel
    from napari_cvdm.models.transfer import DownloadProgress

Location = Literal["cached", "bundled", "remote", "added"]

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
    location : {"cached", "bundled", "remote", "added"}
        Where it would be taken from: the cache folder, the package, an address, or the folder of the models
        that the user has added.
    path : Path or None
        The file, when it is on this machine.
    is_default : bool
        Whether "default" means this model.
    origin : str
        Where it comes from, in a few words for people.
    """

    entry: RegistryEntry
    location: Location
    path: Path | None
    is_default: bool
    origin: str = ""

    @property
    def name(self) -> str:
        """The name that `load_model` takes."""
        return self.entry.name

    @property
    def summary(self) -> str:
        """One line on what the model is for."""
        return self.entry.summary


def list_models() -> list[ListedModel]:
    """List the models that can be loaded by name: the default, other published ones, the user's own.

    Neither reads weights nor imports torch.

    Returns
    -------
    list of ListedModel
        With `name`, `summary`, `location`, `path` and `is_default`; the default first.

    Raises
    ------
    ModelError
        If the registry, the settings or the list of the user's models cannot be read.
    """
    registry = read_registry()
    listed = [_list_published(entry, registry) for entry in registry.entries.values()]
    listed.sort(key=lambda model: not model.is_default)
    return listed + [_list_added(model) for model in read_added().values()]


def find_file(name: str, *, progress: DownloadProgress | None = None) -> tuple[Path, RegistryEntry]:
    """Find the file of a model, whose hash is right, and what is known about it.

    The model is fetched when it is not on this machine; `name` may be "default".

    Raises
    ------
    ModelError
        If there is no such model, the file on this machine has the wrong hash, or it cannot be fetched.
    """
    listed = find_listed(name)
    path, entry = listed.path, listed.entry
    if path is None:
        if listed.location == "added":
            raise ModelError(
                f"The weights of '{name}', {added_file(read_added()[name])}, are gone: add the model again "
                f"from {listed.origin}."
            )
        return _fetch(entry, progress), entry
    if fault := find_fault(path, entry, listed.location, listed.origin):
        raise ModelError(fault)
    return path, entry


def find_fault(path: Path, entry: RegistryEntry, location: Location, origin: str = "") -> str | None:
    """Say what is wrong with a file found in a location, and what to do; None if nothing is wrong."""
    if path.stat().st_size == entry.size and file_sha256(path) == entry.sha256:
        return None
    return (
        f"{path} is not the model '{entry.name}': its sha256 is not the expected {entry.sha256[:12]}..., so "
        f"it is damaged, altered or another version. {_remedy(location, origin)}"
    )


def find_listed(name: str) -> ListedModel:
    """Return what is known about a model by name.

    Raises
    ------
    ModelError
        If there is no model of that name.
    """
    registry = read_registry()
    if (entry := registry.find(name)) is not None:
        return _list_published(entry, registry)
    added = read_added()
    if name not in added:
        known = ", ".join([*registry.entries, *added]) or "none"
        raise ModelError(
            f"There is no model named '{shown(name)[:80]}' (known: {known}). A model of your own is given "
            "by the path of its .safetensors file."
        )
    return _list_added(added[name])


def load_model(
    name_or_path: str | Path = "default",
    *,
    sha256: str | None = None,
    progress: DownloadProgress | None = None,
) -> PretrainedModel:
    """Load a model: by its name, from a file of your own, or from an address.

    A published model is looked for in the cache folder, then in the package, then downloaded, and its hash is
    verified in every case. What comes from an address or a DOI is kept, as by `napari_cvdm.models.add_model`,
    so that it is fetched once. The models loaded last stay in memory: loading one again only computes a hash.

    Parameters
    ----------
    name_or_path : str or Path, optional
        "default", another name that `list_models` shows, the path of a .safetensors file (or of a Keras .h5
        file from the authors' code), an https:// address, or a DOI such as "10.5281/zenodo.1234".
    sha256 : str, optional
        The hash that the file must have, in hexadecimal; needed for an address.
    progress : DownloadProgress, optional
        Receives the progress of a download; may cancel it by raising.

    Returns
    -------
    PretrainedModel
        Shared between all callers that load the same file: move or change a copy of its network.

    Raises
    ------
    ModelError
        If there is no such model, it cannot be fetched or read, or its hash is not the one stated.

    Examples
    --------
    >>> import napari_cvdm
    >>> model = napari_cvdm.load_model()  # doctest: +SKIP
    >>> model.upscaling  # doctest: +SKIP
    2
    """
    if not isinstance(name_or_path, str | Path):
        raise ModelError(
            f"A model is given by its name, path or address, not by {name_or_path!r:.40}: leave it out for "
            "the default."
        )
    sha256 = as_sha256(sha256)  # before anything is downloaded
    path = _as_path(name_or_path)
    if path is None and is_address(str(name_or_path)):
        from napari_cvdm.models.adding import remember_address

        name_or_path = remember_address(str(name_or_path), sha256, progress=progress)
        sha256 = None  # checked, and the file may since have been converted
    name = None
    if path is None:
        path, entry = find_file(str(name_or_path), progress=progress)
        name, found = entry.name, entry.sha256
    else:
        found = hash_of_model(path)
    check_sha256(path, found, sha256)
    with _lock:  # two workers asking for one model read it once
        model = _loaded.pop(found, None) or read_model(path, sha256=found)
        _loaded[found] = model
        while len(_loaded) > _MOST_LOADED:
            del _loaded[next(iter(_loaded))]
    # What was read may have come from another file of the same bytes, which can be changed or deleted since.
    return replace(model, path=path, name=name or model.name)


def _list_published(entry: RegistryEntry, registry: Registry) -> ListedModel:
    location: Location = "remote"
    path: Path | None = None
    origin = "can be downloaded" if entry.urls or base_url() else "not on this machine"
    if (cached := cache_folder() / entry.file).is_file():
        location, path, origin = "cached", cached, f"in the cache, {cached}"
    elif (bundled := BUNDLED_FOLDER / entry.file).is_file():
        location, path, origin = "bundled", bundled, "part of napari-cvdm"
    return ListedModel(entry, location, path, entry.name == registry.default, origin)


def _list_added(model: AddedModel) -> ListedModel:
    path = added_file(model)
    entry = RegistryEntry(
        model.name, model.summary, path.name, size=model.size, sha256=model.sha256, licence=model.licence
    )
    return ListedModel(entry, "added", path if path.is_file() else None, False, model.source)


def _remedy(location: Location, origin: str) -> str:
    if location == "cached":
        return "Delete it, so that it is taken from its source again, or put the right file there."
    if location == "added":
        return f"Remove the model and add it again from {origin}."
    return "The installation is damaged: reinstall napari-cvdm."


def _fetch(entry: RegistryEntry, progress: DownloadProgress | None) -> Path:
    from napari_cvdm.models.download import Wanted, download

    folder, base = cache_folder(), base_url()
    # Only the base address if there is one: others may be blocked, or not wanted, where it was set.
    urls = entry.urls if base is None else (f"{base}/{entry.file}",)
    if not urls:
        raise ModelError(
            f"The model '{entry.name}' is neither in {folder} nor in the package, and the registry has no "
            f"address for it: put {entry.file} there by hand."
        )
    wanted = Wanted(f"The model '{entry.name}'", urls, entry.sha256, entry.size, chosen=base is not None)
    return download(wanted, folder / entry.file, progress, variable=CACHE_VARIABLE)


def _as_path(name_or_path: str | Path) -> Path | None:
    """Return the path that the user means, or None when it is a name or an address."""
    if isinstance(name_or_path, Path):
        return as_path(name_or_path)
    if name_or_path in read_registry() or "://" in name_or_path:
        return None
    path = as_path(name_or_path)
    if is_file(path):
        return path
    if is_address(name_or_path):
        return None  # a bare DOI looks like a path
    return path if path.suffix.lower() in MODEL_ENDINGS or path.name != name_or_path else None
