"""Opening what a user names: a TIFF file or an OME-Zarr folder, and what to say of it before any work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_cvdm.cli.outputs import is_same

if TYPE_CHECKING:
    from napari_cvdm.cli.restoring import Settings
    from napari_cvdm.files.image_file import ImageFile


def check_openable(source: Path) -> None:
    """Refuse what is missing, locked, or no image by its first bytes: of thousands of files, within a second.

    Raises
    ------
    ImageFileError
        If so.
    """
    from napari_cvdm.files.ome_zarr_reading import is_zarr
    from napari_cvdm.files.tiff import explained_faults
    from napari_cvdm.restoration.errors import ImageFileError

    if not is_zarr(source):
        with explained_faults(source):
            pass
    elif not source.exists():
        raise ImageFileError(f"There is no folder {source}.")


def open_image(source: Path, number: int = 0, *, lazily: bool = False) -> ImageFile:
    """Open an image: of a TIFF file, or of an OME-Zarr folder, which is never read as a whole.

    Parameters
    ----------
    source : Path
        File or folder.
    number : int, optional
        Which of several images, from 0.
    lazily : bool, optional
        Read no pixels of a TIFF file either.

    Raises
    ------
    ValueError
        If it cannot be opened, or has no such image.
    """
    from napari_cvdm.files.ome_zarr_reading import is_zarr, open_ome_zarr
    from napari_cvdm.files.tiff import open_tiff_lazily, read_tiff

    if is_zarr(source):
        return open_ome_zarr(source, number)
    return open_tiff_lazily(source, number) if lazily else read_tiff(source, number)


def provenance_of(source: Path) -> dict[str, Any]:
    """Return how the first image of a file or folder was made; empty if it does not say.

    Raises
    ------
    ImageFileError
        If it cannot be read.
    """
    from napari_cvdm.files.ome_tiff import read_provenance
    from napari_cvdm.files.ome_zarr_reading import is_zarr, open_pyramid

    return open_pyramid(source).provenance if is_zarr(source) else read_provenance(source) or {}


def known_provenance(source: Path) -> dict[str, Any]:
    """Return what `provenance_of` does; empty, too, if it cannot be read: whose it is then is not known."""
    try:
        return provenance_of(source)
    except (OSError, ValueError, TypeError):  # no image, a damaged one, or one that says nonsense
        return {}


def without_results(inputs: Collection[Path], output: Path) -> list[Path]:
    """Leave out of several inputs those that are results, and say on stderr how many; one alone may be one.

    So is a folder that results go to (`output`): an asterisk names it, too, once it is there.

    Raises
    ------
    InputError
        If there is no other.
    """
    from napari_cvdm.files.ome_zarr_reading import is_zarr
    from napari_cvdm.restoration.errors import InputError

    def is_result(source: Path) -> bool:
        if source.is_dir() and not is_zarr(source):
            return is_same(source, output)
        return bool(_content_in(known_provenance(source)))  # what is wrong with it is said in its turn

    recorded = list(inputs) if len(inputs) == 1 else [each for each in inputs if not is_result(each)]
    if not recorded:
        raise InputError(
            f"All of these {len(inputs)} are results already, not recordings: give the images that they were "
            "made from."
        )
    if left_out := len(inputs) - len(recorded):
        typer.echo(f"Left out, as results and no recordings: {left_out} of {len(inputs)} inputs.", err=True)
    return recorded


def _content_in(made: Mapping[str, Any]) -> object:
    """Return what a result says that it shows; None for other images."""
    return made.get("content", made.get("picture"))


def say_extent(image: ImageFile, settings: Settings) -> None:
    """Say on stderr if a file holds more than what is restored, or less, or no recording."""
    name, content = Path(image.source).name, _content_in(provenance_of(Path(image.source)))
    if content and not image.number:
        typer.echo(
            f"warning: {name} is a result already ({content!s:.60}), not a recording: restored once more, it "
            "shows nothing that can be trusted. Give the image that it was made from.",
            err=True,
        )
    if image.images > 1 and settings.image is None:
        typer.echo(
            f"warning: {name} holds {image.images} images, and only the first is restored: choose another "
            f"with --image (0 to {image.images - 1}).",
            err=True,
        )
    if image.opacity and settings.channels is None and settings.axes is None:
        *others, _ = map(str, range(image.data.shape[-1]))
        typer.echo(
            f"warning: {name} calls the last of its {len(others) + 1} colours opacity (alpha), which is "
            f"restored like the others. If it is not light, leave it out: --channels {','.join(others)}.",
            err=True,
        )
    if image.file_set is not None:
        how = "planes are counted through all of them" if settings.in_part else "all of them are restored"
        typer.echo(f"warning: {name} is one of a set of {len(image.file_set.files)} files: {how}.", err=True)
