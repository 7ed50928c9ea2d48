"""``napari-cvdm restore``: images in, reconstruction and uncertainty out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_cvdm.cli.cautions import say_cautions
from napari_cvdm.cli.draw_files import remove_stale_draws
from napari_cvdm.cli.failures import Failures
from napari_cvdm.cli.opening import check_openable, open_image, say_extent
from napari_cvdm.cli.outputs import plan_outputs, refuse_losses
from napari_cvdm.cli.writing import check_storable, write_result

if TYPE_CHECKING:
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.files.tiff_images import FileSet
    from napari_cvdm.models import PretrainedModel
    from napari_cvdm.restoration.result import Restoration

__all__ = ["Settings", "check_settings", "restore_files", "restore_image"]


@dataclass(frozen=True)
class Settings:
    """How to restore; each field as in `napari_cvdm.restore`, but ``image``: which one of a file."""

    axes: str | None = None
    pixel_size: float | None = None
    draws: int | None = None
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    tile: int | str = "auto"
    preview: bool = False
    preset: str | None = None
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
        values["axes"] = self.axes or image.axes
        if self.pixel_size is None:
            values["pixel_size"] = image.pixel_size
        return values


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

    Of several images, one that cannot be restored does not keep the others from it: what is wrong is said on
    stderr as soon as it is known, and once more in the end.

    Parameters
    ----------
    inputs, output, is_folder
        As for `napari_cvdm.cli.outputs.plan_outputs`.
    model : str
        Name or path of the model.
    settings : Settings
        How to restore.
    overwrite : bool
        Replace results that exist, and remove the draws that an earlier run has left beside them.

    Raises
    ------
    ValueError
        If an input, a setting or the output cannot be used. Names, model, device and settings are checked
        before any work is done.
    """
    from napari_cvdm.models import load_model
    from napari_cvdm.restoration.presets import resolve_preset

    draws, preview = resolve_preset(settings.preset, settings.draws, settings.preview)
    kept = draws if settings.keep_draws and not preview else 0
    plans = plan_outputs(inputs, output, draws=kept, overwrite=overwrite, is_folder=is_folder)
    failures = Failures(len(inputs))
    for source in inputs:
        with failures.noted(source):
            check_openable(source)
    pretrained = load_model(model)
    check_settings(settings, pretrained)
    if settings.keep_draws and preview:
        typer.echo("warning: A preview makes no draws, so there are none to keep.", err=True)
    restored: dict[FileSet, Path] = {}
    for source, files in zip(inputs, plans, strict=True):
        if source in failures:
            continue
        with failures.noted(source):
            # A part may be all of the file that memory has room for, and most files of a set are read with
            # the first of them.
            image = open_image(source, settings.image or 0, lazily=settings.in_part or bool(restored))
            if image.file_set in restored:
                first = restored[image.file_set].name
                typer.echo(f"{source.name} belongs to {first}, restored already.", err=True)
                continue
            in_set = () if image.file_set is None else image.file_set.files
            refuse_losses(files.all, map(Path, in_set), overwrite)
            result = restore_image(image, pretrained, settings)
            write_result(result, image, files, channels=settings.channels, overwrite=overwrite)
            if image.file_set is not None:
                restored[image.file_set] = source
            if overwrite:
                remove_stale_draws(files, inputs)
            for path in files.all:
                typer.echo(path)
    failures.tell()


def check_settings(settings: Settings, model: PretrainedModel) -> None:
    """Refuse settings that no image could be restored with, before the first is read.

    What it takes an image to judge (channels, planes, region) is left for later.

    Raises
    ------
    ValueError, TypeError
        As `napari_cvdm.restore`.
    """
    import numpy as np

    from napari_cvdm.restoration.presets import resolve_preset
    from napari_cvdm.restoration.request import check_request

    draws, preview = resolve_preset(settings.preset, settings.draws, settings.preview)
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
        draws=draws,
        steps=settings.steps,
        seed=settings.seed,
        device=settings.device,
        tile=settings.tile,
        keep_draws=settings.keep_draws,
        preview=preview,
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
