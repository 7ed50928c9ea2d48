"""The registry of published models: a table inside the package, with the hash of every file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from napari_cvdm.models.card import check_name
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.hashes import is_sha256
from napari_cvdm.models.replacing import replacing

REGISTRY_FILE = Path(__file__).with_name("registry.json")
"""The registry that ships with the package."""

BUNDLED_FOLDER = Path(__file__).with_name("weights")
"""Where the package keeps the models that ship with it."""

_VERSION = 1


@dataclass(frozen=True)
class RegistryEntry:
    """One published model.

    Parameters
    ----------
    name, summary, licence : str
        The name that `load_model` takes, one line on what it is for, and the licence of the weights.
    file, size, sha256 : str, int, str
        File name, in the cache folder and behind a base URL; its bytes; its hash, in lower-case hexadecimal.
    urls : tuple of str
        Where the file can be had, in order of preference; empty for a model that only ships in the package.

    Raises
    ------
    ModelError
        If a field has an impossible value.
    """

    name: str
    summary: str
    file: str
    size: int
    sha256: str
    licence: str
    urls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_stated(vars(self))
        check_name(self.file)  # a plain name: nothing in a registry can lead out of the cache folder
        if self.name == "default":
            raise ModelError(
                "No model can be named 'default': the word stands for the registry's default model."
            )


def check_stated(fields: Mapping[str, Any]) -> None:
    """Raise `ModelError` if what a file states of a model cannot be so: its types are a mere promise."""
    name = check_name(fields["name"])
    for key, value in fields.items():
        if key.endswith("sha256"):
            fault = "" if is_sha256(value) else "is not 64 hexadecimal digits"
        elif key == "size":
            fault = "" if type(value) is int and value > 0 else "is not a number of bytes"
        else:
            texts = value if isinstance(value, tuple) else (value,)
            fault = "" if all(isinstance(text, str) for text in texts) else "is no text"
        if fault:
            raise ModelError(f"The {key} of '{name}' {fault}.")


@dataclass(frozen=True)
class Registry:
    """The published models by name, and which of them is the default.

    Parameters
    ----------
    entries : mapping of str to RegistryEntry
        The models, in the order in which they are listed.
    default : str or None
        Name of the default model; None while there is none.
    """

    entries: Mapping[str, RegistryEntry]
    default: str | None = None

    def __post_init__(self) -> None:
        if self.default is not None and self.default not in self.entries:
            raise ModelError(f"The registry's default model '{self.default}' is not among its models.")

    def __contains__(self, name: object) -> bool:
        """Whether `load_model` takes a name for that of a published model."""
        return name == "default" or name in self.entries

    def find(self, name: str) -> RegistryEntry | None:
        """Return the entry of a model, by its name or as "default"; None if there is no such model."""
        wanted = self.default if name == "default" else name
        return None if wanted is None else self.entries.get(wanted)


def read_registry(path: Path | None = None) -> Registry:
    """Read a registry file: by default the package's own.

    Raises
    ------
    ModelError
        If the file cannot be read or is no registry of a known version.
    """
    path = path or REGISTRY_FILE
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        if data["format_version"] != _VERSION:
            raise ModelError(
                f"The model registry {path} has format {data['format_version']!r}, not {_VERSION}."
            )
        entries = [RegistryEntry(**{**item, "urls": tuple(item["urls"])}) for item in data["models"]]
        return Registry({entry.name: entry for entry in entries}, data["default"])
    except ModelError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"The model registry {path} cannot be read: {error}. Reinstall napari-cvdm."
        ) from error


def write_registry(registry: Registry, path: Path = REGISTRY_FILE) -> None:
    """Write a registry file; one that is there stays as it is until all of it is written."""
    models = [asdict(entry) for entry in registry.entries.values()]
    data = {"format_version": _VERSION, "default": registry.default, "models": models}
    with replacing(path) as file:
        file.write((json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode())
