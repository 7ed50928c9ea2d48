"""``napari-cvdm restore`` to OME-Zarr: of any size, here or on a cluster, resumed where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_cvdm.cli.cautions import say_cautions
from napari_cvdm.cli.failures import about_input
from napari_cvdm.cli.opening import open_image, say_extent
from napari_cvdm.cli.outputs import check_writable, is_within
from napari_cvdm.cli.repeating import identity_of, made_before, name_run, say_finished
from napari_cvdm.cli.restoring import Settings, check_settings
from napari_cvdm.cli.writing import channel_names_of, check_storable

if TYPE_CHECKING:
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.files.streaming import Progress
    from napari_cvdm.restoration.lazy import LazyRestoration


def goes_to_zarr(output: Path) -> bool:
    """Whether an output is an OME-Zarr folder, by its name."""
    return output.suffix.lower() == ".zarr"


def restore_large(
    inputs: Sequence[Path],
    output: Path,
    *,
    model: str,
    settings: Settings,
    overwrite: bool,
    scheduler: str | None,
    workers: int | None,
) -> None:
    """Restore one image, read in pieces, into an OME-Zarr folder.

    Parameters
    ----------
    inputs : sequence of Path
        The image, TIFF or OME-Zarr; just one.
    output : Path
        Folder of the reconstruction; the uncertainty goes beside it.
    model : str
        Name or path of the model.
    settings : Settings
        How to restore.
    overwrite : bool
        Replace results that exist.
    scheduler, workers
        As for `napari_cvdm.restoration.cluster.cluster`.

    Raises
    ------
    ValueError
        If the input, a setting or the output cannot be used.
    """
    from napari_cvdm.cli.progress import ProgressDisplay
    from napari_cvdm.files.streaming import check_targets, write_restoration, zarr_targets
    from napari_cvdm.files.unfinished import left_behind
    from napari_cvdm.models import load_model
    from napari_cvdm.restoration.cluster import cluster
    from napari_cvdm.restoration.device import stand_in
    from napari_cvdm.restoration.lazy import restore_lazy

    _refuse(inputs, output, settings)
    (source,), targets = inputs, zarr_targets(output)
    with about_input(source):
        image = open_image(source, settings.image or 0, lazily=True)
        check_storable(image, settings)
    say_extent(image, settings)
    pretrained = load_model(model)
    # With a cluster elsewhere, there need be no GPU here.
    local = settings if scheduler is None else replace(settings, device=stand_in(settings.device))
    check_settings(local, pretrained)
    identity = identity_of(image)  # once: a folder may hold a million files
    run = name_run(image, identity, settings, pretrained)
    if len(made_before(targets.values(), run)) == len(targets) and left_behind(output) is None:
        say_finished(1, 1)
        for path in targets.values():
            typer.echo(path)
        return
    check_targets(targets, overwrite)
    with cluster(scheduler, workers) as client, ProgressDisplay() as display, about_input(source):
        if client is not None and not client.scheduler_info()["workers"]:
            typer.echo("The cluster has no workers yet: waiting for the first.", err=True)
        display.advance(source.name, 0.0, "measuring intensities")
        asked = settings.asked_of(image)
        del asked["keep_draws"], asked["resample"]  # refused above
        lazy = restore_lazy(image.data, pretrained, **asked)
        number = {"image": image.number} if image.number else {}
        lazy = replace(lazy, provenance={**lazy.provenance, **number, "run": run})
        say_cautions(image, lazy.provenance, pretrained.card, can_resample=False)
        try:
            write_restoration(
                lazy,
                output,
                client=client,
                progress=_Shown(display, source.name),
                overwrite=overwrite,
                source=identity,
                **_noted(lazy, image, settings),
            )
        except (KeyboardInterrupt, SystemExit, OSError):
            if left_behind(output) is not None:
                typer.echo("What is finished is kept: the same command goes on from there.", err=True)
            raise
    for path in targets.values():
        typer.echo(path)


def _refuse(inputs: Sequence[Path], output: Path, settings: Settings) -> None:
    """Refuse what cannot be done, before anything is read or loaded."""
    from napari_cvdm.files.streaming import zarr_targets
    from napari_cvdm.files.zarr_packages import require_zarr

    if len(inputs) > 1:
        raise ValueError(f"{output} is one image for {len(inputs)} inputs: restore them one by one.")
    for name in ("keep_draws", "resample"):
        if getattr(settings, name):
            option = name.replace("_", "-")
            raise ValueError(f"--{option} works with TIFF output only: leave it out, or write to .ome.tif.")
    require_zarr()
    source = inputs[0]
    for target in zarr_targets(output).values():
        if is_within(target, source) or is_within(source, target):
            raise ValueError(
                f"{target} is the input, within it or around it, and an input is never written to: choose "
                "another name with -o."
            )
    check_writable(output.parent)


def _noted(lazy: LazyRestoration, image: ImageFile, settings: Settings) -> dict[str, Any]:
    """Return what is written beside the pixels: how large they are, what they show, and where they lie."""
    from napari_cvdm.files.ome_tiff import ome_channels
    from napari_cvdm.restoration.axes import Axes

    axes = Axes(lazy.axes, lazy.mean.shape)
    return {
        "z_spacing_nm": image.z_spacing if "Z" in lazy.axes else None,
        "time_interval_s": image.time_interval if "T" in lazy.axes else None,
        "pixel_sides_nm": image.pixel_sides,
        "channel_names": channel_names_of(image, settings.channels, ome_channels(axes)),
        **_place(lazy, image),
    }


class _Shown:
    """Shows the progress of a run; first of all, whether it goes on with another."""

    def __init__(self, display: Any, label: str) -> None:
        self._display, self._label, self._begun = display, label, False

    def __call__(self, progress: Progress) -> None:
        if not self._begun and progress.resumed:
            typer.echo(
                f"Going on with an unfinished run: {progress.resumed} of {progress.regions} regions are "
                "there already.",
                err=True,
            )
        self._begun = True
        doing = f"{progress.done} of {progress.regions} regions"
        self._display.advance(self._label, progress.fraction, doing)


def _place(lazy: LazyRestoration, image: ImageFile) -> dict[str, Any]:
    """Return the steps and the place of the image, under the names that the restoration has for its axes."""
    placed = {
        axis: (step, start)
        for axis, step, start in zip(lazy.axes, image.scale, image.translation, strict=False)
        if isfinite(step) and step > 0 and isfinite(start)
    }
    return {
        "steps": {axis: step for axis, (step, _) in placed.items()},
        "origin": {axis: start / step for axis, (step, start) in placed.items()},
    }
