"""The pictures of one result: reconstruction, standard deviation and draws, in one file or side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_cvdm.cli.draw_files import find_draw_files, is_draw
from napari_cvdm.files.names import TIFF_ENDINGS, ZARR_ENDINGS, stem_of
from napari_cvdm.restoration.run_identity import run_of

if TYPE_CHECKING:
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.files.image_set import StoredImage


# How the names end of what is written beside a reconstruction, and is none.
_COMPANION = re.compile(r"(_uncertainty|_draw\d+|_check_disagreement)\Z")


@dataclass(frozen=True)
class Pictures:
    """What there is of one result. Made by `open_pictures`.

    Attributes
    ----------
    reconstruction : ImageFile
        The result itself.
    provenance : dict
        How it was made; empty if it does not say.
    std : ImageFile or None
        The standard deviation, of the same shape.
    draws : tuple of ImageFile
        Single draws of the same run, each of the same shape.
    """

    reconstruction: ImageFile
    provenance: dict[str, Any] = field(default_factory=dict)
    std: ImageFile | None = None
    draws: tuple[ImageFile, ...] = ()


def open_pictures(result: Path) -> Pictures:
    """Open a result with what belongs to it.

    A file or folder that the panel has saved holds all pictures of a result, and is read as a whole: it has
    been in memory before. ``restore`` writes a file or folder for each, of which those of the same run count;
    what was left there by another run is named on stderr. Those are read when sliced.

    Parameters
    ----------
    result : Path
        The reconstruction, or what the panel has saved.

    Returns
    -------
    Pictures

    Raises
    ------
    ValueError
        If it cannot be read, or is no reconstruction; the message names the file to give, where it is known.
    """
    from napari_cvdm.files.image_set import is_image_set, read_image_set
    from napari_cvdm.files.zarr_set import is_zarr_set, read_zarr_set

    if is_zarr_set(result):
        return _of_set(result, read_zarr_set(result))
    if is_image_set(result):
        return _of_set(result, read_image_set(result))
    return _of_files(result)


def result_stem(result: Path) -> str:
    """Return a result's name without its ending, be it a file or a folder."""
    return stem_of(result, (*TIFF_ENDINGS, *ZARR_ENDINGS))


def _of_set(result: Path, images: Sequence[StoredImage]) -> Pictures:
    """Choose the pictures of one run; layers that no run has made say nothing of themselves."""
    from napari_cvdm.restoration.errors import InputError

    found = [image for image in images if image.about.get("picture") == "reconstruction"]
    if not found and all("picture" not in image.about for image in images):
        found = list(images[:1])  # what other programs show of such a file
    if not found:
        held = sorted({str(image.about["picture"]) for image in images if "picture" in image.about})
        raise InputError(
            f"{result} holds no reconstruction (but: {', '.join(held)}): give the file that the "
            "reconstruction was saved to."
        )
    if len(found) > 1:
        names = ", ".join(f"'{image.name}'" for image in found)
        raise InputError(
            f"{result} holds {len(found)} reconstructions ({names}): save the one to check, with its "
            "uncertainty, to a file of its own."
        )
    (chosen,) = found
    shape, run = chosen.data.shape, chosen.about.get("run")
    std: ImageFile | None = None
    draws: tuple[ImageFile, ...] = ()
    for image in images:
        picture = image.about.get("picture")
        if picture == "uncertainty" and image.data.shape == shape and std is None:
            if run_of(image.about) == run_of(chosen.about):
                std = _as_file(result, image.data, chosen.axes)
        elif picture == "draws" and image.data.shape[1:] == shape and image.about.get("run") == run:
            draws = tuple(_as_file(result, draw, chosen.axes) for draw in image.data)
    provenance = {name: value for name, value in chosen.about.items() if name != "layer"}
    return Pictures(_as_file(result, chosen.data, chosen.axes), provenance, std, draws)


def _as_file(result: Path, data: Any, axes: str) -> ImageFile:
    """Name the axes as a file does, where each has a letter of its own and none is unnamed."""
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.files.ome_tiff import ome_letters
    from napari_cvdm.restoration.axes import name_axes

    leading = iter(ome_letters(name_axes(data.shape, axes)))
    letters = "".join(letter if letter in "YX" else next(leading) for letter in axes)
    return ImageFile(data, letters, str(result))


def _of_files(result: Path) -> Pictures:
    from napari_cvdm.cli.opening import open_image, provenance_of
    from napari_cvdm.files.streaming import zarr_targets

    provenance = provenance_of(result)
    _refuse_other_pictures(result, provenance)
    reconstruction = open_image(result, lazily=True)
    key, shape = run_of(provenance), reconstruction.data.shape
    folder = _is_folder(result)
    uncertainty = result.with_name(f"{result_stem(result)}_uncertainty.ome.tif")
    if folder:
        uncertainty = zarr_targets(result)["uncertainty"]
    # Beside a folder there may be draws of a file called like it; restore keeps none for a folder.
    drawn = () if folder else find_draw_files(result.parent, result_stem(result))
    found: dict[Path, ImageFile] = {}
    others: list[str] = []
    for path in (*([uncertainty] if uncertainty.exists() else []), *drawn):
        try:
            about, image = provenance_of(path), open_image(path, lazily=True)
        except (ValueError, TypeError) as error:  # damaged, or no image at all
            typer.echo(f"warning: left out: {error}", err=True)
            continue
        is_own = path == uncertainty or "content" not in about or is_draw(about["content"])
        if is_own and run_of(about) == key and image.data.shape == shape:
            found[path] = image
        else:
            others.append(path.name)
    if others:
        names = ", ".join(others)
        typer.echo(f"warning: not of the run that made {result.name}, and left out: {names}", err=True)
    std = found.pop(uncertainty, None)
    return Pictures(reconstruction, provenance, std, tuple(found.values()))


def _refuse_other_pictures(result: Path, provenance: Mapping[str, Any]) -> None:
    """Refuse what says of itself that it is something else than a reconstruction."""
    from napari_cvdm.files.zarr_set import is_zarr_set
    from napari_cvdm.restoration.errors import InputError

    content = provenance.get("content", provenance.get("picture", "reconstruction"))
    if content == "reconstruction":
        return
    held = content if is_draw(content) else f"the {content!s:.60}"
    wanted = _reconstruction_beside(result)
    if wanted is None and is_zarr_set(result.parent):
        wanted = result.parent
    raise InputError(
        f"{result} holds {held}, not the reconstruction: give "
        f"{'the file that holds it' if wanted is None else wanted}."
    )


def _reconstruction_beside(result: Path) -> Path | None:
    """Find the reconstruction that a file was written beside, by their names."""
    stem = result_stem(result)
    found = _COMPANION.search(stem)
    if found is None:
        return None
    endings = ZARR_ENDINGS if _is_folder(result) else (*TIFF_ENDINGS, *ZARR_ENDINGS)
    names = [result.with_name(f"{stem[: found.start()]}{ending}") for ending in endings]
    return next((path for path in names if path.exists()), None)


def _is_folder(path: Path) -> bool:
    from napari_cvdm.files.ome_zarr_reading import is_zarr

    return is_zarr(path)
