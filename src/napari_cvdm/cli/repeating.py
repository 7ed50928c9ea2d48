"""What the same command has finished before: a result says which run it is of, and none is made twice."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_cvdm.cli.opening import known_provenance

if TYPE_CHECKING:
    from napari_cvdm.cli.restoring import Settings
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.models import PretrainedModel


def identity_of(image: ImageFile) -> dict[str, Any]:
    """Return what tells an input from others, in values that JSON can hold: a file that changes has another.

    Parameters
    ----------
    image : ImageFile
        From a file, a set of them or a folder. No pixel is read.
    """
    source = Path(image.source)
    if image.file_set is not None:
        files = [Path(file) for file in image.file_set.files]
    else:
        # macOS leaves a .DS_Store where one has looked into a folder. Zarr's own hidden files begin with .z.
        parts = (each for each in source.rglob("*") if not re.match(r"\.(?!z)", each.name))
        files = [source] if source.is_file() else [each for each in parts if each.is_file()]
    stats = [each.stat() for each in files]
    return {
        "name": source.name,
        "path": str(source.resolve()),
        "files": len(files),
        "size": sum(each.st_size for each in stats),
        "modified": max((each.st_mtime_ns for each in stats), default=0),
    }


def name_run(
    image: ImageFile, identity: Mapping[str, Any], settings: Settings, model: PretrainedModel
) -> str:
    """Name the run that restores an image, the same whenever its command is repeated.

    Another file, or the same after a change, another setting, model or version of the software: any of them
    makes it another run. Another way to say the same does not.

    Parameters
    ----------
    image : ImageFile
        As it was opened before its pixels are read.
    identity : mapping
        From `identity_of`, then: what changes later is noticed the next time.
    settings : Settings
        How to restore.
    model : PretrainedModel
        By what.

    Returns
    -------
    str
        32 letters, which tell nothing of the names of folders.
    """
    from napari_cvdm.restoration.provenance import versions

    asked = settings.asked_of(image)
    asked["steps"] = asked["steps"] or model.card.default_steps
    for name in ("channels", "planes", "region", "keep_draws"):  # said by the part, or of no pixel
        del asked[name]
    part = settings.part_of(image).describe()
    said = repr((identity, image.number, asked, part, model.sha256, versions()))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def made_before(paths: Iterable[Path], run: str) -> list[Path]:
    """Return those of the files or folders of a result that say they are of a run.

    Each was written whole or not at all.
    """
    return [path for path in paths if path.exists() and known_provenance(path).get("run") == run]


def say_finished(images: int, of: int) -> None:
    """Say on stderr how many images were restored before, as the command says, of how many."""
    if images:
        typer.echo(f"Restored already, and left as they are: {images} of {of} images.", err=True)
