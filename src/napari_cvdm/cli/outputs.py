"""Where results go: their names, and what is checked before any work is done."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_cvdm.files.names import TIFF_ENDINGS, ZARR_ENDINGS, stem_of
from napari_cvdm.models.replacing import unfinished_name


@dataclass(frozen=True)
class OutputFiles:
    """Where the results of one image go.

    Parameters
    ----------
    reconstruction, uncertainty : Path
        The two images.
    draws : tuple of Path
        One for each draw; empty when they are not kept.
    """

    reconstruction: Path
    uncertainty: Path
    draws: tuple[Path, ...] = ()

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file."""
        return (self.reconstruction, self.uncertainty, *self.draws)


def plan_outputs(
    inputs: Sequence[Path],
    output: Path,
    *,
    draws: int = 0,
    is_folder: bool = False,
) -> list[OutputFiles]:
    """Name the files to write, which may exist, and refuse what would fail only after the work.

    Parameters
    ----------
    inputs : sequence of Path
        The images to restore.
    output : Path
        A TIFF file, if there is one input; else a folder, in which each result is called
        ``<input>_cvdm.ome.tif``. The uncertainty is called like the reconstruction with ``_uncertainty``.
    draws : int, optional
        How many draws are kept.
    is_folder : bool, optional
        The output is a folder, whatever its name looks like; without it, the name of one that does not exist
        yet tells.

    Returns
    -------
    list of OutputFiles
        One for each input.

    Raises
    ------
    ValueError
        If a file is an input, two results would have one name, or the place cannot be written to.
    """
    is_folder = is_folder or output.is_dir()
    if is_folder or len(inputs) > 1 or not output.suffix:
        if output.is_file() or (output.suffix.lower() in (".tif", ".tiff") and not is_folder):
            raise ValueError(f"{output} is one file for {len(inputs)} inputs: name a folder with -o.")
        stems = [stem_of(source, (*TIFF_ENDINGS, *ZARR_ENDINGS)) for source in inputs]
        plans = [_files_for(output / f"{stem}_cvdm", ".ome.tif", draws) for stem in stems]
    else:
        stem = stem_of(output)
        ending = output.name[len(stem) :]
        if ending.lower() not in TIFF_ENDINGS:
            raise ValueError(f"{output} is no TIFF file: name one that ends in .ome.tif, or a folder.")
        plans = [_files_for(output.with_name(stem), ending, draws)]
    written = [path for plan in plans for path in plan.all]
    for path, results in Counter(written).items():
        if results > 1:
            raise ValueError(
                f"Two inputs would both be written to {path}: restore them into different folders."
            )
    refuse_losses(written, inputs, overwrite=True)
    for folder in dict.fromkeys(path.parent for path in written):
        check_writable(folder, *(path.name for path in written if path.parent == folder))
    return plans


def refuse_losses(paths: Iterable[Path], inputs: Iterable[Path], overwrite: bool, option: str = "-o") -> None:
    """Refuse to write to files where something would be lost.

    Parameters
    ----------
    paths : iterable of Path
        The files.
    inputs : iterable of Path
        What the command reads, files and folders: never written to; nor into, where a folder is an image.
    overwrite : bool
        Whether other files that exist may be replaced.
    option : str, optional
        The option by which another name is given.

    Raises
    ------
    ValueError
        If one is an input or within one, or exists and may not be replaced.
    """
    from napari_cvdm.files.ome_zarr_reading import is_zarr

    # Each input is looked up once: there may be thousands of either.
    sources = list(inputs)
    named = {_resolved(source): source for source in sources}
    on_disk: dict[tuple[int, int] | None, Path] = {
        file: source for source in sources if (file := _file_of(source))
    }
    for path in paths:
        place = _resolved(path)
        for each in (place, *place.parents):
            source = named.get(each) or on_disk.get(_file_of(each))
            if source is not None and (each == place or is_zarr(source)):
                what = "an input" if each == place else f"within the input {source}"
                raise ValueError(
                    f"{path} is {what}, which is never written to: choose another name with {option}."
                )
        if path.exists() and not overwrite:
            raise ValueError(f"{path} exists: choose another name with {option}, or add --overwrite.")


def _file_of(path: Path) -> tuple[int, int] | None:
    """Return what the disk knows a file or folder by, however its name is spelled; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    # Some drives of Windows, such as Google's, have the number 0 for all files.
    return (found.st_dev, found.st_ino) if found.st_ino else None


def is_same(one: Path, other: Path) -> bool:
    """Whether two names stand for one file or folder, which may not exist.

    Raises
    ------
    ValueError
        If one is a link that leads back to itself.
    """
    if _resolved(one) == _resolved(other):
        return True
    # On disks that do not tell capitals from small letters, two spellings are one file.
    file = _file_of(one)
    return file is not None and file == _file_of(other)


def is_within(path: Path, folder: Path) -> bool:
    """Whether a file or folder, which may not exist, is another or lies in it at any depth."""
    place = _resolved(path)
    return any(is_same(each, folder) for each in (place, *place.parents))


def _resolved(path: Path) -> Path:
    """Return a path without links."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError in Python before 3.13
        raise ValueError(
            f"{path} is a link that leads back to itself: name the file it stands for."
        ) from error


def check_writable(folder: Path, *names: str) -> None:
    """Check that files can be written to a folder, which may yet have to be made.

    Parameters
    ----------
    folder : Path
        The folder.
    *names : str
        Of the files.

    Raises
    ------
    ValueError
        If it is no folder, cannot be written to, or is on a drive or behind a link that leads nowhere; or if
        a name is longer than the disk allows, with what it gets while the file is being written.
    """
    whole = folder.absolute()
    places = (folder, *whole.parents)
    existing = next((place for place in places if place.exists() or place.is_symlink()), None)
    if existing is None:  # a drive of Windows that is not there
        raise ValueError(f"{whole.anchor or folder} does not exist: choose another place.")
    if not existing.exists():
        raise ValueError(
            f"{existing} is a link to {existing.readlink()}, which does not exist. Connect that drive, or "
            "choose another place."
        )
    if not existing.is_dir():
        raise ValueError(f"{existing} is not a folder: choose another place.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise ValueError(f"{existing} cannot be written to: choose another place.")
    for name in names:
        try:
            unfinished_name(existing / name).stat()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise ValueError(
                    f"{name} is too long for the name of a file on this disk: choose a shorter one."
                ) from error


def _files_for(stem: Path, ending: str, draws: int) -> OutputFiles:
    digits = max(2, len(str(draws)))
    return OutputFiles(
        stem.with_name(stem.name + ending),
        stem.with_name(f"{stem.name}_uncertainty.ome.tif"),
        tuple(stem.with_name(f"{stem.name}_draw{k:0{digits}d}.ome.tif") for k in range(1, draws + 1)),
    )
