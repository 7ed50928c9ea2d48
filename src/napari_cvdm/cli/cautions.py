"""What a user is told of a result before it is believed, in words of the shell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.models.card import ModelCard


def say_cautions(
    image: ImageFile, provenance: Mapping[str, Any], card: ModelCard, *, can_resample: bool
) -> None:
    """Say on stderr what a result's provenance warns of, and what was assumed of the image or is not known.

    ``--resample`` is advised where the result goes to a file that it works with (`can_resample`).
    """
    from napari_cvdm.restoration.provenance import RESAMPLE_FIRST
    from napari_cvdm.restoration.resampling import cautions_about_size

    name, size, axes = Path(image.source).name, provenance["pixel_size_nm"], provenance["axes"]
    # Software that saves plain stacks of three or four planes often marks them so.
    if "S" in axes[:-1] and "S" in image.axes:
        planes = image.data.shape[image.axes.index("S")]
        typer.echo(
            f"warning: {name}: Its {planes} planes are taken for colours, each with a range of intensities "
            f"of its own. If they are time or depth, say so: --axes {axes.replace('S', 'T')}, or "
            f"{axes.replace('S', 'Z')}.",
            err=True,
        )
    for words in provenance.get("warnings", ()):
        said = words.replace(RESAMPLE_FIRST, "add --resample") if can_resample else words
        typer.echo(f"warning: {name}: {said}", err=True)
    if size is None and image.pixel_sides is not None:
        height, width = image.pixel_sides
        typer.echo(
            f"warning: {name}: Pixels of {width:g} × {height:g} nm are not square; the model knows square "
            "ones only.",
            err=True,
        )
        return
    for words in cautions_about_size(size, card.pixel_size_nm):
        typer.echo(f"warning: {name}: {words} Name it with --pixel-size.", err=True)
