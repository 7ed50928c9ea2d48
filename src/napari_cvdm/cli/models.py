"""``napari-cvdm models``: list, fetch, add, verify, remove and export models, and say where they are.

Nothing heavy is imported before a command runs that needs it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_cvdm.cli.downloading import DownloadDisplay
from napari_cvdm.cli.options import Overwrite
from napari_cvdm.cli.outputs import check_writable

models_app = typer.Typer(
    help="List, fetch, add, verify, find, remove and export models.", rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A model that 'models list' shows.")]
Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Models that 'models list' shows.")]


@models_app.command("list")
def list_() -> None:
    """List the models known by name, and where each comes from."""
    from napari_cvdm.models import list_models
    from napari_cvdm.models.card import one_line

    for model in list_models():
        size = f"{model.entry.size / 1e6:.1f} MB"
        default = ", the default" if model.is_default else ""
        licence = one_line(model.entry.licence)
        typer.echo(f"{model.name}  ({model.location}{default}; {size}; {licence})")
        typer.echo(f"    {one_line(model.summary)}")
        if model.location not in ("bundled", "remote"):
            typer.echo(f"    {model.origin if model.location == 'cached' else f'added from {model.origin}'}")


@models_app.command()
def fetch(
    names: Names = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All published models.")] = False,
) -> None:
    """Download published models, for use without a network later."""
    from napari_cvdm.models import list_models
    from napari_cvdm.models.store import find_file

    if every == bool(names):
        raise ValueError("Name the models to fetch, or say --all.")
    wanted = [model.name for model in list_models() if model.location != "added"] if every else names or []
    for name in wanted:
        with DownloadDisplay(name) as progress:
            path, _ = find_file(name, progress=progress)
        typer.echo(path)


@models_app.command()
def add(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A .safetensors or Keras .h5 file, an https address or a DOI."),
    ],
    *,
    name: Annotated[str | None, typer.Option(help="What to call it.  [default: as its card says]")] = None,
    sha256: Annotated[
        str | None, typer.Option(help="The hash that the file must have; needed for an address.")
    ] = None,
    mean: Annotated[
        Path | None, typer.Option(help="Keras files only: the mean network, if it is a file of its own.")
    ] = None,
    training_size: Annotated[
        int | None, typer.Option(help="Keras files only: side of the training images in pixels.")
    ] = None,
    upscaling: Annotated[
        int | None, typer.Option(help="Keras files only: enlarge images so much before the network.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Keras files only: denoising steps per draw, if not chosen later.")
    ] = None,
    difference: Annotated[
        bool | None,
        typer.Option(
            "--difference/--no-difference",
            help="Keras files only: trained on the sharp image minus the input, or on the sharp image.",
        ),
    ] = None,
    percentiles: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Keras files only: the percentiles of an image that become -1 and 1.", metavar="LOW HIGH"
        ),
    ] = None,
) -> None:
    """Check a model, copy it, and remember it under a name."""
    from napari_cvdm.models import add_model

    given = {
        "mean_path": mean,
        "training_size": training_size,
        "upscaling": upscaling,
        "steps": steps,
        "adds_input": difference,
        "percentiles": percentiles,
    }
    conversion = {key: value for key, value in given.items() if value is not None}
    with DownloadDisplay(name or "model") as progress:
        remembered = add_model(source, name, sha256=sha256, conversion=conversion, progress=progress)
    typer.echo(f"{remembered} can now be used: napari-cvdm restore --model {remembered} ...", err=True)
    typer.echo(remembered)


@models_app.command()
def verify(names: Names = None) -> None:
    """Find damaged model files. Each on this machine is compared with its sha256."""
    from napari_cvdm.models import verify_models

    checked = verify_models(names or ())
    for file in checked:
        typer.echo(f"{'DAMAGED' if file.fault else 'ok'}  {file.name}  ({file.location})  {file.path}")
    faults = [file.fault for file in checked if file.fault]
    if faults:
        raise ValueError(f"{len(faults)} of {len(checked)} files are not what they should be. {faults[0]}")
    if not checked:
        raise ValueError("None of these models is on this machine: fetch it first.")


@models_app.command()
def path(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A model on this machine.")] = None,
    *,
    settings: Annotated[
        bool, typer.Option("--settings", help="Show instead which settings files are read.")
    ] = False,
) -> None:
    """Show the folder of downloaded models, or the file of one."""
    from napari_cvdm.models import cache_folder
    from napari_cvdm.models.settings import settings_files
    from napari_cvdm.models.store import find_listed

    if settings:
        for file in settings_files():
            typer.echo(file)
        return
    if name is None:
        typer.echo(cache_folder())
        return
    listed = find_listed(name)
    if listed.path is None:
        raise ValueError(f"'{listed.name}' is not on this machine: napari-cvdm models fetch {listed.name}")
    typer.echo(listed.path)


@models_app.command()
def remove(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a model of your own, or a downloaded one. What is part of napari-cvdm stays."""
    from napari_cvdm.models import remove_model
    from napari_cvdm.models.store import find_listed

    listed = find_listed(name)
    if not yes and listed.location in ("added", "cached"):
        if not sys.stdin.isatty():
            raise ValueError("There is nobody to ask whether to remove it: add --yes.")
        if not typer.confirm(f"Remove {listed.name}, {listed.path or 'whose file is gone'}?", err=True):
            typer.echo("Nothing was removed.", err=True)
            return
    typer.echo(remove_model(name))


@models_app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a model, or path of a model file.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The .zip file to write.")],
    overwrite: Overwrite = False,
) -> None:
    """Write the mean network as a package for the BioImage Model Zoo."""
    from napari_cvdm.models import load_model
    from napari_cvdm.models.bioimageio import export_model

    check_writable(output.parent, output.name)
    with DownloadDisplay(name) as progress:
        model = load_model(name, progress=progress)
    typer.echo(export_model(model, output, overwrite=overwrite))
