"""Add a trained model to the registry: a maintainers' command.

``python scripts/publish_model.py WEIGHTS [--default] [--url URL ...]`` checks the file, copies it
into the package (unless there are URLs to fetch it from) and writes its hash and size into the registry.
The name, the one-line summary and the licence come from the model's card.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.registry import (
    BUNDLED_FOLDER,
    REGISTRY_FILE,
    Registry,
    RegistryEntry,
    read_registry,
    write_registry,
)
from napari_cvdm.models.weights import read_model


def publish(
    weights: Path,
    *,
    urls: Sequence[str] = (),
    default: bool = False,
    registry_file: Path = REGISTRY_FILE,
    bundled_folder: Path = BUNDLED_FOLDER,
) -> RegistryEntry:
    """Add a model to a registry, or replace the one of the same name.

    Parameters
    ----------
    weights : Path
        A safetensors file that `save_model` wrote.
    urls : sequence of str, optional
        Where the file can be downloaded. Without any, it is copied into `bundled_folder`.
    default : bool, optional
        Make it the default model; the first model of a registry always becomes it.
    registry_file, bundled_folder : Path, optional
        What to change.

    Returns
    -------
    RegistryEntry
        The new entry.

    Raises
    ------
    ModelError
        If the file is no valid model.
    """
    model = read_model(weights)
    entry = RegistryEntry(
        name=model.name,
        summary=" ".join(model.card.description.split()),
        file=f"{model.name}.safetensors",
        size=weights.stat().st_size,
        sha256=model.sha256,
        licence=model.card.licence,
        urls=tuple(urls),
    )
    target = bundled_folder / entry.file
    if urls:
        # What is bundled under this name comes before any address, and would no longer have the right hash.
        if target.is_file() and file_sha256(target) != entry.sha256:
            target.unlink()
    else:
        bundled_folder.mkdir(parents=True, exist_ok=True)
        if target.resolve() != weights.resolve():
            shutil.copyfile(weights, target)
    registry = read_registry(registry_file)
    chosen = entry.name if default or registry.default is None else registry.default
    write_registry(Registry({**registry.entries, entry.name: entry}, chosen), registry_file)
    return entry


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="safetensors file written by 'napari-cvdm train'")
    parser.add_argument("--url", action="append", default=[], help="where it can be downloaded (repeatable)")
    parser.add_argument("--default", action="store_true", help="make it the default model")
    chosen = parser.parse_args(arguments)
    try:
        entry = publish(chosen.weights, urls=chosen.url, default=chosen.default)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{entry.name}: {entry.size:,} bytes, sha256 {entry.sha256}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
