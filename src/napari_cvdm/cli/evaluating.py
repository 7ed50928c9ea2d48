"""``napari-cvdm evaluate``: how close restorations come to the truth, as a table and as JSON.

Nothing heavy is imported before the command runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_cvdm.cli.failures import Failures
from napari_cvdm.cli.options import Device, Draws, Model, Overwrite, Seed, SimSuffix, Steps, WfSuffix
from napari_cvdm.cli.outputs import check_writable, refuse_losses
from napari_cvdm.files.whole_file import write_whole

if TYPE_CHECKING:
    from napari_cvdm.assessment.scores import Evaluation
    from napari_cvdm.restoration.events import Event


def evaluate(
    pairs: Annotated[
        Path, typer.Argument(metavar="PAIRS_DIR", help="Folder of NAME_wf.tif and NAME_sim.tif.")
    ],
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the numbers here too.")] = None,
    model: Model = "default",
    draws: Draws = 8,
    steps: Steps = None,
    seed: Seed = 0,
    device: Device = "auto",
    wf_suffix: WfSuffix = "_wf",
    sim_suffix: SimSuffix = "_sim",
    overwrite: Overwrite = False,
) -> None:
    """Score restorations against known sharp images."""
    from napari_cvdm.assessment.pairs import evaluate_folder, find_pairs
    from napari_cvdm.cli.progress import ProgressDisplay
    from napari_cvdm.models import load_model

    found, alone = find_pairs(pairs, wf_suffix, sim_suffix)  # a wrong folder is said before the model loads
    if json_file is not None:
        images = [path for pair in found for path in (pair.widefield, pair.truth)]
        _check_place(json_file, [*images, *(pairs / name for name in alone)], overwrite)
    pretrained = load_model(model)
    failures = Failures(len(found), "pairs", "evaluated")
    with ProgressDisplay() as display:

        def show(name: str, number: int, count: int, event: Event) -> None:
            display.show(f"{name} ({number + 1} of {count})", event, (number + event.fraction) / count)

        evaluation = evaluate_folder(
            pairs,
            pretrained,
            wf_suffix=wf_suffix,
            sim_suffix=sim_suffix,
            draws=draws,
            steps=steps,
            seed=seed,
            device=device,
            progress=show,
            noted=lambda pair: failures.noted(pair.widefield),
        )
    _warn(evaluation)
    typer.echo(evaluation.table())
    if json_file is not None:
        numbers = json.dumps(evaluation.to_dict(), indent=2) + "\n"
        write_whole(json_file, numbers, overwrite=overwrite)  # the file may have come meanwhile
    failures.tell()


def _check_place(json_file: Path, images: list[Path], overwrite: bool) -> None:
    """Refuse a place for the numbers that cannot be, or where something would be lost."""
    if json_file.is_dir():
        raise ValueError(f"{json_file} is a folder: name a file for the numbers.")
    refuse_losses([json_file], images, overwrite, "--json")
    check_writable(json_file.parent)


def _warn(evaluation: Evaluation) -> None:
    """Say on stderr what may make the numbers worth little, each thing once, with the pairs it is about."""
    about: dict[str, list[str]] = {}
    for pair in evaluation.pairs:
        for words in pair.warnings:
            about.setdefault(words, []).append(pair.name)
    for words, names in about.items():
        whose = "all pairs" if 1 < len(names) == len(evaluation.pairs) else ", ".join(names)
        typer.echo(f"warning: {whose}: {words}", err=True)
