"""``napari-cvdm evaluate``: how close restorations come to the truth, as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_cvdm.cli.outputs import check_writable
from napari_cvdm.files.whole_file import write_whole

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Event

__all__ = ["evaluate_pairs"]


def evaluate_pairs(
    folder: Path,
    json_file: Path | None,
    *,
    model: str,
    wf_suffix: str,
    sim_suffix: str,
    **settings: Any,
) -> None:
    """Score a model on a folder of pairs; print the table and write the numbers.

    Parameters
    ----------
    folder : Path
        Where the pairs are.
    json_file : Path or None
        Where to write the numbers too; replaced if it exists.
    model : str
        Name or path of the model.
    wf_suffix, sim_suffix : str
        How the names of wide-field and sharp images end.
    **settings
        Draws, steps, seed and device, as for `napari_cvdm.restore`.

    Raises
    ------
    ValueError
        If the pairs, the model or a setting cannot be used, or the file cannot be written.
    """
    from napari_cvdm.assessment.pairs import evaluate_folder, find_pairs
    from napari_cvdm.cli.progress import ProgressDisplay
    from napari_cvdm.models import load_model

    find_pairs(folder, wf_suffix, sim_suffix)  # a wrong folder is said before the model loads
    if json_file is not None:
        if json_file.is_dir():
            raise ValueError(f"{json_file} is a folder: name a file for the numbers.")
        check_writable(json_file.parent)
    pretrained = load_model(model)
    with ProgressDisplay() as display:

        def show(name: str, number: int, count: int, event: Event) -> None:
            display.show(f"{name} ({number + 1} of {count})", event, (number + event.fraction) / count)

        evaluation = evaluate_folder(
            folder, pretrained, wf_suffix=wf_suffix, sim_suffix=sim_suffix, progress=show, **settings
        )
    typer.echo(evaluation.table())
    if json_file is not None:
        numbers = json.dumps(evaluation.to_dict(), indent=2) + "\n"
        write_whole(json_file, numbers.encode())
