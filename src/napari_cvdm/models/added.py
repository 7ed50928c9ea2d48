"""The list of models that the user has added: a small JSON file beside their weights.

The weights are kept under their own hash, never under a name from outside. The list is replaced as a whole,
under a lock, so that two processes that add a model at the same moment both find theirs in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.registry import check_stated
from napari_cvdm.models.replacing import replacing
from napari_cvdm.models.settings import ADDED_VARIABLE, added_folder

LOCK_SECONDS = 20.0
"""How long another process may hold the list."""

_VERSION = 1


@dataclass(frozen=True)
class AddedModel:
    """One model that the user has added.

    Parameters
    ----------
    name, summary, licence : str
        The name that it was given, and what its card says.
    sha256, size : str, int
        Of the weights file, in lower-case hexadecimal and in bytes; the file is called after it.
    source : str
        The path, address or DOI that it came from.
    source_sha256 : str
        SHA-256 of what was there; another than `sha256` where the file was converted.

    Raises
    ------
    ModelError
        If a field has an impossible value.
    """

    name: str
    sha256: str
    size: int
    summary: str
    licence: str
    source: str
    source_sha256: str

    def __post_init__(self) -> None:
        check_stated(vars(self))


def added_file(model: AddedModel) -> Path:
    """Return where the weights of a model are kept."""
    # Forty digits name a file beyond doubt, and fit where names of files may not be long.
    return added_folder() / f"{model.sha256[:40]}.safetensors"


def read_added() -> dict[str, AddedModel]:
    """Read the list of the user's models, by name, in the order in which they were added.

    Raises
    ------
    ModelError
        If it is damaged.
    """
    path = _list_file()
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        if data["format_version"] != _VERSION:
            raise ModelError(f"it has format {str(data['format_version'])[:20]}, not {_VERSION}")
        known = {field.name for field in fields(AddedModel)}
        models = [AddedModel(**{key: item[key] for key in known}) for item in data["models"]]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise ModelError(
            f"The list of the models that you have added, {path}, cannot be read ({reason}): move it away "
            "and add the models again; their weights are beside it."
        ) from error
    return {model.name: model for model in models}


@contextmanager
def change_added() -> Iterator[dict[str, AddedModel]]:
    """Change the list while no other process does: leaving without an error writes the dictionary back.

    Raises
    ------
    ModelError
        If the list is damaged, cannot be written, or another process does not let go of it.
    """
    import filelock

    path = _list_file()
    lock = filelock.FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise ModelError(
            f"Another program has been changing {path} for {LOCK_SECONDS:g} seconds: wait for it, then try "
            "again."
        ) from error
    except OSError as error:
        raise unwritable(path.parent, error) from error
    try:
        models = read_added()
        yield models
        _write(models, path)
    finally:
        lock.release()


def unwritable(folder: Path, error: OSError) -> ModelError:
    """Say that the folder of the user's models cannot be written to."""
    return ModelError(
        f"Cannot write to the folder {folder} ({error.strerror or error}). Make room or get the right to "
        f"write there, or name another folder with {ADDED_VARIABLE}."
    )


def _list_file() -> Path:
    return added_folder() / "models.json"


def _write(models: dict[str, AddedModel], path: Path) -> None:
    data = {"format_version": _VERSION, "models": [asdict(model) for model in models.values()]}
    # In ASCII, as a path need not be valid Unicode.
    text = json.dumps(data, indent=2) + "\n"
    try:
        with replacing(path) as file:
            file.write(text.encode("ascii"))
    except OSError as error:
        raise unwritable(path.parent, error) from error
