"""``napari-cvdm finetune``: a model adapted to pairs of one's own.

Nothing heavy is imported before the command runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from napari_cvdm.cli.options import Fresh, SimSuffix, WfSuffix
from napari_cvdm.cli.outputs import check_writable


def finetune(
    pairs: Annotated[
        Path,
        typer.Argument(metavar="PAIRS_DIR", help="Folder of NAME_wf.tif and NAME_sim.tif, registered."),
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run and the new weights.")],
    model: Annotated[
        str, typer.Option(help="The model to start from: name, path or DOI; see 'models list'.")
    ] = "default",
    name: Annotated[
        str | None, typer.Option(help="Name of the new model.  [default: MODEL-finetuned]")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 1000,
    held_out: Annotated[
        int, typer.Option(min=0, help="Pairs, the last by name, to measure on and not to train on.")
    ] = 1,
    seed: Annotated[
        int, typer.Option(min=0, max=2**64 - 1, help="The same seed gives the same weights.")
    ] = 0,
    fresh: Fresh = False,
    wf_suffix: WfSuffix = "_wf",
    sim_suffix: SimSuffix = "_sim",
) -> None:
    """Adapt a model to your own recorded pairs. Interrupted runs go on when repeated."""
    from napari_cvdm.assessment.pairs import find_pairs
    from napari_cvdm.models import load_model
    from napari_cvdm.training.finetuning import FinetuningSettings
    from napari_cvdm.training.finetuning import finetune as run

    find_pairs(pairs, wf_suffix, sim_suffix)  # a wrong folder is said before the model loads
    settings = FinetuningSettings(name, steps, held_out, seed, wf_suffix, sim_suffix)
    with checkpoint_told(output, fresh):
        done = run(pairs, output, load_model(model), settings, fresh=fresh, log=typer.echo)
    typer.echo(f"The weights are in {done.path}.")


@contextmanager
def checkpoint_told(folder: Path, fresh: bool) -> Iterator[None]:
    """Say on stderr how to go on with a run that is interrupted, if it has left a checkpoint in its folder.

    Repeated as it is, a command that starts afresh (`fresh`) would do so again. A folder that cannot be
    written to is refused at once.
    """
    check_writable(folder)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if (folder / "checkpoint.pt").exists():
            command = "the same command without --fresh" if fresh else "the same command"
            typer.echo(f"The last checkpoint is kept: {command} goes on from there.", err=True)
        raise
