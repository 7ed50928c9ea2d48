"""The commands and their options.

This module is what ``napari-cvdm --help`` loads, so it imports nothing heavy: each command imports what it
needs when it runs. The commands here do no work of their own: the bodies are in the modules beside this one.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_cvdm.cli.checking import check
from napari_cvdm.cli.demonstration import demo
from napari_cvdm.cli.evaluating import evaluate
from napari_cvdm.cli.failures import run_to_exit_code
from napari_cvdm.cli.finetuning import checkpoint_told, finetune
from napari_cvdm.cli.models import models_app
from napari_cvdm.cli.options import Device, Fresh, Model, Seed, Steps
from napari_cvdm.cli.simulating import simulate

PROGRAM = "napari-cvdm"

app = typer.Typer(
    help="Super-resolution with an uncertainty map for fluorescence microscopy.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(models_app, name="models")

Replace = Annotated[
    bool, typer.Option("--overwrite", help="Replace other results that exist, with their draws.")
]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        What follows the program's name; by default what the shell gave.

    Returns
    -------
    int
        0 on success; 2 for wrong usage or bad input, said in one line on stderr; 130 when interrupted.
    """
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        # Names of files may hold what a terminal cannot show: written as escapes, as Python does on stderr.
        sys.stdout.reconfigure(errors="backslashreplace")

    def run() -> Any:
        return typer.main.get_command(app).main(args=arguments, prog_name=PROGRAM, standalone_mode=False)

    return run_to_exit_code(run, PROGRAM)


def _show_version(wanted: bool) -> None:
    if wanted:
        from napari_cvdm import __version__

        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _program(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command()(demo)


@app.command()
def restore(
    inputs: Annotated[
        list[Path],
        # One that cannot be read is refused in its turn, not with all the others.
        typer.Argument(metavar="INPUT", help="TIFF or OME-Zarr images.", readable=False),
    ],
    *,
    output: Annotated[
        str,  # a path would lose the slash at the end of a folder's name
        typer.Option(
            "--output",
            "-o",
            metavar="<path>",
            help="A .tif file, or a folder for several. The uncertainty goes beside it: "
            "OUT_uncertainty.ome.tif. A name in .ome.zarr writes OME-Zarr, for images of any size.",
        ),
    ],
    axes: Annotated[
        str | None,
        typer.Option(
            help="One letter per axis, such as TZYX or CYX: T time, Z depth, C channel, Y rows, X columns, "
            "S colour samples, Q unnamed.  [default: as the file says]"
        ),
    ] = None,
    image: Annotated[
        int | None,
        typer.Option(min=0, help="Which of several images in a file, from 0.  [default: the first]"),
    ] = None,
    pixel_size: Annotated[
        float | None, typer.Option(help="Pixel size of the input in nm.  [default: as the file says]")
    ] = None,
    model: Model = "default",
    preset: Annotated[
        str | None,
        typer.Option(help="preview (no draws), standard (8) or thorough (24).  [default: standard]"),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(help="Draws from the posterior, best an even number.  [default: the preset's]"),
    ] = None,
    steps: Steps = None,
    seed: Seed = 0,
    device: Device = "auto",
    tile: Annotated[
        str,
        typer.Option(
            help="Side of a tile in camera pixels, or auto. Changes memory and speed; the result only with "
            "networks of the authors' own code."
        ),
    ] = "auto",
    preview: Annotated[
        bool, typer.Option("--preview", help="Only the first, fast picture, without draws.")
    ] = False,
    resample: Annotated[
        bool,
        typer.Option(
            "--resample", help="Bring pixels of a size new to the model into its range. TIFF output only."
        ),
    ] = False,
    keep_draws: Annotated[
        bool,
        typer.Option(
            "--keep-draws", help="Write each draw too: OUT_draw01.ome.tif and so on. TIFF output only."
        ),
    ] = False,
    channels: Annotated[
        str | None, typer.Option(help="Channels to restore, from 0, such as 0,2.  [default: all]")
    ] = None,
    plane: Annotated[
        list[str] | None,
        typer.Option(
            help="Planes to restore, from 0, such as T=3 or Z=2:5 (2, 3 and 4); along an unnamed axis by its "
            "number, such as 0=3.  [default: all]"
        ),
    ] = None,
    roi: Annotated[
        str | None, typer.Option(help="Rows and columns to restore, such as 0:512,100:612.")
    ] = None,
    normalize: Annotated[
        str,
        typer.Option(
            help="Measure intensities once for each channel of what is restored (stack), for each plane "
            "(plane), or for each channel of the whole file (whole)."
        ),
    ] = "stack",
    scheduler: Annotated[
        str | None, typer.Option(help="Compute on this dask cluster, tcp://HOST:PORT. With .ome.zarr output.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Compute in so many processes of this machine. With .ome.zarr output.")
    ] = None,
    overwrite: Replace = False,
) -> None:
    """Restore images, with a map of the uncertainty. The same command goes on where it was interrupted."""
    from napari_cvdm.cli.restoring import Settings, restore_files
    from napari_cvdm.cli.restoring_large import goes_to_zarr, restore_large
    from napari_cvdm.cli.selecting import parse_channels, parse_planes, parse_region, settle_draws

    settled, preview = settle_draws(preset, draws, steps, preview)
    settings = Settings(
        axes=axes,
        pixel_size=pixel_size,
        draws=settled,
        steps=steps,
        seed=seed,
        device=device,
        tile=int(tile) if tile.isdecimal() else tile,
        preview=preview,
        resample=resample,
        keep_draws=keep_draws,
        channels=parse_channels(channels),
        planes=parse_planes(plane or ()),
        region=parse_region(roi),
        normalize=normalize,
        image=image,
    )
    if goes_to_zarr(target := Path(output)):
        restore_large(
            inputs,
            target,
            model=model,
            settings=settings,
            overwrite=overwrite,
            scheduler=scheduler,
            workers=workers,
        )
        return
    if scheduler is not None or workers is not None:
        raise ValueError("--scheduler and --workers need OME-Zarr output: name one with -o OUT.ome.zarr.")
    folder = output.endswith(("/", os.sep))
    restore_files(inputs, target, model=model, settings=settings, overwrite=overwrite, is_folder=folder)


app.command()(check)
app.command()(evaluate)


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A .toml file; see configs/.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the run.  [default: runs/NAME]")
    ] = None,
    fresh: Fresh = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes that simulate training data.")] = 1,
    micrographs: Annotated[
        Path | None, typer.Option(help="Folder of real sharp images, instead of the configuration's.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto (an NVIDIA GPU if there is one, else the CPU), cpu, cuda, cuda:N, mps.")
    ] = "auto",
    compiled: Annotated[
        bool,
        typer.Option("--compile/--no-compile", help="Compile the networks first, for faster steps on a GPU."),
    ] = False,
) -> None:
    """Train a model, or go on with an interrupted run."""
    from napari_cvdm.restoration.memory import explained_shortage
    from napari_cvdm.training.config import load_config
    from napari_cvdm.training.trainer import run_training

    folder = output or Path("runs") / load_config(config).name
    shortage = explained_shortage(
        "training", "Give smaller numbers for batch or patch in the configuration, or choose another device."
    )
    with checkpoint_told(folder, fresh), shortage:
        weights = run_training(
            config,
            folder,
            fresh=fresh,
            workers=workers,
            device=device,
            compiled=compiled,
            micrographs=micrographs,
            log=typer.echo,
        )
    typer.echo(f"The weights are in {weights}.")


app.command()(finetune)
app.command()(simulate)
