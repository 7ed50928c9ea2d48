"""Looking after the models on this machine: are they intact, and away with those that are not wanted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_cvdm.models.added import added_file, change_added, unwritable
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.registry import BUNDLED_FOLDER
from napari_cvdm.models.settings import added_folder, cache_folder
from napari_cvdm.models.store import find_fault, find_listed, list_models


@dataclass(frozen=True)
class Verified:
    """What became of the check of one file of a model.

    Attributes
    ----------
    fault : str or None
        What is wrong and what to do; None if every bit is as it must be.
    """

    name: str
    location: Literal["cached", "bundled", "added"]
    path: Path
    fault: str | None


def verify_models(names: Sequence[str] = ()) -> list[Verified]:
    """Compare every file of the models named (by default all) on this machine with its hash.

    A published model can have two, in the cache and in the package, of which one is used.

    Raises
    ------
    ModelError
        If there is no model of that name.
    """
    models = [find_listed(name) for name in names] if names else list_models()
    found = []
    for model in models:
        folders: dict[Literal["cached", "bundled", "added"], Path] = (
            {"added": added_folder()}
            if model.location == "added"
            else {"cached": cache_folder(), "bundled": BUNDLED_FOLDER}
        )
        for location, folder in folders.items():
            path = folder / model.entry.file
            fault: str | None = f"The weights of '{model.name}' are gone: add it again."
            if path.is_file():
                fault = find_fault(path, model.entry, location, model.origin)
            elif location != "added":
                continue
            found.append(Verified(model.name, location, path, fault))
    return found


def remove_model(name: str) -> Path:
    """Remove a model of the user's, or the downloaded file of a published one.

    What is part of the package stays. Returned is the path of the file that is gone, or that stays because
    another name needs it.

    Raises
    ------
    ModelError
        If there is no such model, nothing of it can be removed, or its file cannot be deleted.
    """
    listed = find_listed(name)
    if listed.location == "added":
        return _forget(name)
    if listed.location != "cached" or listed.path is None:
        where = "part of napari-cvdm and stays" if listed.location == "bundled" else "not on this machine"
        raise ModelError(f"There is nothing to remove: '{listed.name}' is {where}.")
    try:
        listed.path.unlink()
    except OSError as error:
        raise ModelError(f"{listed.path} cannot be deleted: {error.strerror or error}.") from error
    return listed.path


def _forget(name: str) -> Path:
    with change_added() as models:
        model = models.pop(name, None)
        if model is None:
            raise ModelError(f"There is no model named '{name}': another program has just removed it.")
        path = added_file(model)
        if not any(other.sha256 == model.sha256 for other in models.values()):
            try:
                with suppress(FileNotFoundError):
                    path.unlink()
            except OSError as error:
                raise unwritable(path.parent, error) from error
    return path
