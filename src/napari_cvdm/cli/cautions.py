"""What a user is told of a result before it is believed, in words of the shell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from napari_cvdm.models.card import ModelCard

__all__ = ["say_cautions"]


def say_cautions(name: str, provenance: Mapping[str, Any], card: ModelCard, *, can_resample: bool) -> None:
    """Say on stderr what a result's provenance warns of, and if its pixel size is not known.

    Parameters
    ----------
    name : str
        Of the image.
    provenance : mapping
        Of the result.
    card : ModelCard
        Of the model.
    can_resample : bool
        Whether ``--resample`` would work where the result goes.
    """
    from napari_cvdm.restoration.provenance import RESAMPLE_FIRST
    from napari_cvdm.restoration.resampling import cautions_about_size

    for words in provenance.get("warnings", ()):
        said = words.replace(RESAMPLE_FIRST, "add --resample") if can_resample else words
        typer.echo(f"warning: {name}: {said}", err=True)
    for words in cautions_about_size(provenance["pixel_size_nm"], card.pixel_size_nm):
        typer.echo(f"warning: {name}: {words} Name it with --pixel-size.", err=True)
