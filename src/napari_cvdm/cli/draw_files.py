"""The files of single draws beside a result: which there are, and which an earlier run has left behind."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

import typer

from napari_cvdm.cli.opening import known_provenance
from napari_cvdm.cli.outputs import OutputFiles, is_same
from napari_cvdm.files.names import stem_of

_ENDING = ".ome.tif"  # whatever the ending of the reconstruction


def find_draw_files(folder: Path, stem: str) -> list[Path]:
    """Return all files that are called as the draws of a result are, whoever has made them.

    They are in the order of their names, which is that of the draws of one run. `stem` is the result's name
    without its ending.
    """
    named = re.compile(rf"{re.escape(stem)}_draw\d+{re.escape(_ENDING)}")
    found = folder.glob(f"{glob.escape(stem)}_draw*{_ENDING}")
    return sorted(path for path in found if named.fullmatch(path.name))


def is_draw(content: object) -> bool:
    """Whether the content that a provenance states is a single draw, such as "draw 1 of 8"."""
    return isinstance(content, str) and re.fullmatch(r"draw \d+ of \d+", content) is not None


def remove_stale_draws(files: OutputFiles, inputs: Sequence[Path]) -> None:
    """Remove the draws that an earlier run has left beside a result which is in place.

    Beside a newer result they would pass for its own. A file that does not say of itself that this program
    has written it as a draw is left alone, and so are a link, which this program does not make, what the
    present run has written (`files`), and `inputs`.
    """
    kept = (*files.all, *inputs)
    for path in find_draw_files(files.reconstruction.parent, stem_of(files.reconstruction)):
        spared = path.is_symlink() or any(is_same(path, other) for other in kept)
        if spared or not is_draw(known_provenance(path).get("content")):
            continue
        try:
            path.unlink()
        except OSError as error:  # the result is in place, and no worse for it
            typer.echo(f"warning: {path} of an earlier run could not be removed: {error.strerror}", err=True)
