"""``napari-cvdm restore``: images in, reconstruction and uncertainty out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_cvdm.cli.cautions import say_cautions
from napari_cvdm.cli.draw_files import remove_stale_draws
from napari_cvdm.cli.failures import Failures
from napari_cvdm.cli.opening import check_openable, open_image, say_extent, without_results
from napari_cvdm.cli.outputs import OutputFiles, plan_outputs, refuse_losses
from napari_cvdm.cli.repeating import identity_of, made_before, name_run, say_finished
from napari_cvdm.cli.writing import check_storable, write_result
from napari_cvdm.restoration.presets import STANDARD

if TYPE_CHECKING:
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.files.tiff_images import FileSet
    from napari_cvdm.models import PretrainedModel
    from napari_cvdm.restoration.result import Restoration
    from napari_cvdm.restoration.selection import Selection


@dataclass(frozen=True)
class Settings:
    """How to restore; each field as in `napari_cvdm.restore`, but ``image``: which one of a file."""

    axes: str | None = None
    pixel_size: float | None = None
    draws: int = STANDARD.draws
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    tile: int | str = "auto"
    preview: bool = False
    resample: bool = False
    keep_draws: bool = False
    channels: list[int] | None = None
    planes: dict[str | int, int | slice] | None = None
    region: tuple[tuple[int, int], tuple[int, int]] | None = None
    normalize: str = "stack"
    image: int | None = None

    @property
    def in_part(self) -> bool:
        """Whether something of the image is left out."""
        return not (self.channels is None and self.planes is None and self.region is None)

    def asked_of(self, image: ImageFile) -> dict[str, Any]:
        """Return what a restoration of an image is asked for; what the user leaves open, the image says."""
        values = asdict(self)
        del values["image"]
        values["axes"] = (self.axes or image.axes).strip().upper()
        if self.pixel_size is None:
            values["pixel_size"] = image.pixel_size
        return values

    def part_of(self, image: ImageFile) -> Selection:
        """Return which part of an image is restored.

        Raises
        ------
        InputError, InputTypeError
            If it has no such part, or the axes are not its own.
        """
        from napari_cvdm.restoration.axes import resolve_axes
        from napari_cvdm.restoration.selection import select

        axes = resolve_axes(image.data.shape, self.axes or image.axes)
        return select(axes, channels=self.channels, planes=self.planes, region=self.region)


def restore_files(
    inputs: Sequence[Path],
    output: Path,
    *,
    model: str,
    settings: Settings,
    overwrite: bool,
    is_folder: bool = False,
) -> None:
    """Restore images one after the other, each into TIFF files.

    What the same command has finished before is left as it is. Of several images, one that cannot be restored
    does not keep the others from it: what is wrong is said on stderr as soon as it is known, and once more in
    the end.

    Parameters
    ----------
    inputs, output, is_folder
        As for `napari_cvdm.cli.outputs.plan_outputs`. Of several inputs, those that are results are left out:
        a folder's files may be named with an asterisk again, after results came to lie among them.
    model : str
        Name or path of the model.
    settings : Settings
        How to restore.
    overwrite : bool
        Replace other results that exist, and remove the draws that an earlier run has left beside them.

    Raises
    ------
    ValueError
        If an input, a setting or the output cannot be used. Names, model, device and settings are checked
        before any work is done.
    """
    from napari_cvdm.models import load_model

    kept = settings.draws if settings.keep_draws and not settings.preview else 0
    images = without_results(dict.fromkeys(inputs), output)
    plans = dict(zip(images, plan_outputs(images, output, draws=kept, is_folder=is_folder), strict=True))
    failures = Failures(len(plans))
    for source in plans:
        with failures.noted(source):
            check_openable(source)
    pretrained = load_model(model)
    check_settings(settings, pretrained)
    if settings.keep_draws and settings.preview:
        typer.echo("warning: A preview makes no draws, so there are none to keep.", err=True)
    finished = _find_finished(plans, pretrained, settings, failures, overwrite)
    say_finished(len(finished), len(plans))
    restored: dict[FileSet, Path] = {}
    try:
        for number, (source, files) in enumerate(plans.items(), start=1):
            if source in failures:
                continue
            label = f"{source.name} ({number} of {len(plans)})" if len(plans) > 1 else None
            with failures.noted(source):
                image = None if source in finished else open_image(source, settings.image or 0, lazily=True)
                file_set = finished[source] if image is None else image.file_set
                if file_set in restored:
                    first = restored[file_set].name
                    typer.echo(f"{source.name} belongs to {first}, restored already.", err=True)
                    continue
                if image is not None:
                    _restore_into(files, image, pretrained, settings, label, overwrite=overwrite)
                    finished[source] = file_set
                if file_set is not None:
                    restored[file_set] = source
                if overwrite:
                    remove_stale_draws(files, inputs)
            if source not in failures:  # what is wrong with stdout is no fault of the image
                for path in files.all:
                    typer.echo(path)
    except (KeyboardInterrupt, SystemExit):
        if finished:
            typer.echo("What is finished is kept: the same command goes on from there.", err=True)
        raise
    failures.tell()


def _find_finished(
    plans: Mapping[Path, OutputFiles],
    model: PretrainedModel,
    settings: Settings,
    failures: Failures,
    overwrite: bool,
) -> dict[Path, FileSet | None]:
    """Find the images that were restored before, and refuse to lose what else is where results go.

    Each comes with the set of files that it is one of.
    """
    finished = {}
    for source, files in plans.items():
        there = [path for path in files.all if path.exists()]
        if not there or source in failures:
            continue
        with failures.noted(source):
            image = open_image(source, settings.image or 0, lazily=True)
            run = name_run(image, identity_of(image), settings, model)
        if source not in failures:
            made = made_before(there, run)
            refuse_losses([path for path in there if path not in made], (), overwrite)
            if len(made) == len(files.all):
                finished[source] = image.file_set
    return finished


def _restore_into(
    files: OutputFiles,
    image: ImageFile,
    model: PretrainedModel,
    settings: Settings,
    label: str | None,
    *,
    overwrite: bool,
) -> None:
    """Restore an image, which was opened and not read, if this was not done before."""
    run = name_run(image, identity_of(image), settings, model)
    made = made_before(files.all, run)
    if len(made) == len(files.all):
        return
    in_set = () if image.file_set is None else image.file_set.files
    refuse_losses(files.all, map(Path, in_set), overwrite=True)
    if not settings.in_part:  # a part may be all of the file that memory has room for
        image = open_image(Path(image.source), image.number)
    result = restore_image(image, model, settings, label)
    result = replace(result, provenance={**result.provenance, "run": run})
    write_result(result, image, files, channels=settings.channels, overwrite=overwrite, made=made)


def check_settings(settings: Settings, model: PretrainedModel) -> None:
    """Refuse settings that no image could be restored with, before the first is read.

    What it takes an image to judge (channels, planes, region) is left for later.

    Raises
    ------
    ValueError, TypeError
        As `napari_cvdm.restore`.
    """
    import numpy as np

    from napari_cvdm.restoration.request import check_request

    # A stand-in with the axes that were named, of which only the shape is looked at. There is none with one
    # axis or with more than an array can have: these are refused with the first image.
    named = (settings.axes or "").strip().upper()
    axes = named if 1 < len(named) <= 32 else "YX"
    shape = tuple(16 if letter in "YX" else 1 for letter in axes)
    check_request(
        np.broadcast_to(np.float32(0), shape),
        model,
        axes=axes,
        pixel_size=settings.pixel_size,
        draws=settings.draws,
        steps=settings.steps,
        seed=settings.seed,
        device=settings.device,
        tile=settings.tile,
        keep_draws=settings.keep_draws,
        preview=settings.preview,
        settings=None,
        normalize=settings.normalize,
        lazily=True,
    )


def restore_image(
    image: ImageFile, model: PretrainedModel, settings: Settings, label: str | None = None
) -> Restoration:
    """Restore an image that goes into TIFF files, showing progress and warnings on stderr.

    Axes and pixel size are the file's own where the settings leave them open. In the progress, the image is
    called by the file's name unless there is a `label`.
    """
    from napari_cvdm.cli.progress import ProgressDisplay
    from napari_cvdm.restoration.restore import restore

    name = Path(image.source).name
    say_extent(image, settings)
    check_storable(image, settings)
    asked = settings.asked_of(image)
    with ProgressDisplay() as display:
        result = restore(image.data, model, progress=partial(display.show, label or name), **asked)
    say_cautions(image, result.provenance, model.card, can_resample=True)
    return result
