"""``napari-cvdm check``: how far to trust a result, as a page, as numbers and as a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_cvdm.cli.matching import plane_of, restored_part
from napari_cvdm.cli.outputs import check_writable, refuse_losses
from napari_cvdm.cli.pictures import Pictures, open_pictures, result_stem
from napari_cvdm.files.whole_file import write_whole

if TYPE_CHECKING:
    from napari_cvdm.assessment.checks import Checks
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.models import PretrainedModel

__all__ = ["CheckSettings", "check_result"]

DEFAULT = "default"


@dataclass(frozen=True)
class CheckSettings:
    """How to check.

    Attributes
    ----------
    plane : str or None
        Such as "T=3,Z=5", counted from 0; None for the first.
    model : str or None
        Name or path of the model that made the result; None to leave out the checks that need it.
    psf : Path or None
        TIFF of what blurs the result into the input, on the result's grid.
    device : str
        As for `napari_cvdm.restore`.
    overwrite : bool
        Replace files that exist.
    """

    plane: str | None = None
    model: str | None = DEFAULT
    psf: Path | None = None
    device: str = "auto"
    overwrite: bool = False


def check_result(result: Path, source: Path | None, output: Path | None, settings: CheckSettings) -> None:
    """Check a result file, write the report, and say the verdicts.

    Parameters
    ----------
    result : Path
        A reconstruction, as ``napari-cvdm restore`` writes it: TIFF, or the folder of an OME-Zarr image. Of
        both, as of the input, only the plane in question is read. Or what the panel has saved, with all
        pictures in one.
    source : Path or None
        The image it was made from; by default as the result says, in the result's folder.
    output : Path or None
        The report, ending in ``.html``; by default ``<result>_check.html`` beside the result. The numbers go
        to the same name with ``.json``, the map to ``_disagreement.ome.tif``.
    settings : CheckSettings
        How to check.

    Raises
    ------
    ValueError
        If a file cannot be read, the result is no reconstruction, result and input do not belong together, or
        the report cannot be written.
    """
    from napari_cvdm.cli.opening import open_image

    given = [path for path in (result, source, settings.psf) if path is not None]
    report = _report_path(result, output, given, settings.overwrite)
    pictures = open_pictures(result)
    provenance = pictures.provenance
    source = source or _source_of(result, provenance)
    image = open_image(source, _number_of(source, provenance), lazily=True)
    index = _plane_index(settings.plane, pictures.reconstruction)
    model = _model(settings.model, provenance)
    checks = _run(image, pictures, index, model, settings)
    _write(checks, report, result, provenance, model, index, settings.overwrite)
    for verdict in checks.verdicts:
        typer.echo(f"{verdict.level:9}  {verdict.name}: {verdict.sentence}")
    if checks.part.words:
        typer.echo(checks.part.words)
    typer.echo(report)


def _run(
    image: ImageFile,
    pictures: Pictures,
    index: dict[str, int],
    model: PretrainedModel | None,
    settings: CheckSettings,
) -> Checks:
    from napari_cvdm.assessment.checks import run_checks
    from napari_cvdm.files.tiff import read_tiff

    plane, pixel_size = restored_part(image, index, pictures.provenance)
    sharp = plane_of(pictures.reconstruction, index)
    _check_scale(plane.shape, sharp.shape, pictures.provenance.get("upscaling"))
    planes = [plane_of(draw, index) for draw in pictures.draws]
    return run_checks(
        plane,
        sharp,
        std=None if pictures.std is None else plane_of(pictures.std, index),
        draws=planes or None,
        pixel_size=pixel_size,
        psf=None if settings.psf is None else read_tiff(settings.psf).data.squeeze(),
        model=model,
        provenance=pictures.provenance,
        device=settings.device,
        progress=_say,
    )


def _check_scale(plane: tuple[int, ...], sharp: tuple[int, ...], upscaling: object) -> None:
    """Refuse an image of another size than the one restored, where the result says how much it enlarged."""
    if isinstance(upscaling, int) and sharp != tuple(n * upscaling for n in plane):
        raise ValueError(
            f"A result of {sharp[0]} × {sharp[1]} pixels, {upscaling} times as fine as its input, cannot "
            f"belong to {plane[0]} × {plane[1]} pixels: choose the image that was restored."
        )


def _say(words: str, share: float) -> None:
    typer.echo(f"{100 * share:3.0f} %  {words}", err=True)


def _write(
    checks: Checks,
    report: Path,
    result: Path,
    provenance: Mapping[str, Any],
    model: PretrainedModel | None,
    index: dict[str, int],
    overwrite: bool,
) -> None:
    from napari_cvdm.assessment.report import html_report, json_report
    from napari_cvdm.files.ome_tiff import write_ome_tiff

    said: dict[str, Any] = {
        "name": result.name,
        "provenance": provenance,
        "citations": () if model is None else model.card.citations,
        "plane": index,
    }
    html, numbers = html_report(checks, **said), json_report(checks, **said)
    write_whole(report, html)
    write_whole(report.with_suffix(".json"), numbers)
    write_ome_tiff(
        _map_path(report),
        checks.consistency.map.astype("float32"),
        "YX",
        checks.pixel_size,
        {
            "content": "disagreement with the measurement, in standard deviations",
            "plane": index,
            "part": checks.part.to_dict(),
        },
        overwrite=overwrite,
    )


def _report_path(result: Path, output: Path | None, given: Sequence[Path], overwrite: bool) -> Path:
    report = output or result.with_name(f"{result_stem(result)}_check.html")
    if report.is_dir():
        report = report / f"{result_stem(result)}_check.html"
    if report.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{report} is no HTML file: name one that ends in .html, or a folder.")
    for path in (report, report.with_suffix(".json"), _map_path(report)):
        refuse_losses(path, given, overwrite)
    check_writable(report.parent)
    return report


def _map_path(report: Path) -> Path:
    return report.with_name(f"{report.stem}_disagreement.ome.tif")


def _source_of(result: Path, provenance: Mapping[str, Any]) -> Path:
    # A name from a file must not lead out of the folder.
    name = Path(str(provenance.get("source") or "")).name
    source = result.with_name(name) if name else None
    if source is None or not source.exists():
        known = f" It was called {name}." if name else ""
        raise ValueError(f"Name the image that {result.name} was made from with --input.{known}")
    return source


def _number_of(source: Path, provenance: Mapping[str, Any]) -> int:
    """Return which image of a file a result was made from; of other files, the first."""
    number = provenance.get("image")
    of_this_file = provenance.get("source") == source.name
    return number if of_this_file and isinstance(number, int) and number >= 0 else 0


def _model(name: str | None, provenance: Mapping[str, Any]) -> PretrainedModel | None:
    if name is None:
        return None
    from napari_cvdm.assessment.maker import maker_of
    from napari_cvdm.models import load_model

    maker = maker_of(provenance, None)
    if name == DEFAULT and maker.sha256 is not None and not maker.bundled:
        # Nobody has said that the bundled model made it.
        typer.echo(
            "warning: the result was made by another model than the bundled one: what needs the model is "
            "left out. Name it with --model.",
            err=True,
        )
        return None
    model = load_model(name)
    if maker.sha256 not in (None, model.sha256):
        typer.echo(
            f"warning: the result was not made by '{model.name}' as it is installed here: its ranges and "
            "stability may differ. Name its model with --model.",
            err=True,
        )
    return model


def _plane_index(plane: str | None, image: ImageFile) -> dict[str, int]:
    """Read "T=3,Z=5" into an index for every axis but Y and X; 0 where none is given."""
    lengths = {a: n for a, n in zip(image.axes, image.data.shape, strict=True) if a not in "YX"}
    index = dict.fromkeys(lengths, 0)
    for part in (plane or "").replace(" ", "").upper().split(","):
        axis, _, number = part.partition("=")
        if not part:
            continue
        if axis not in lengths or not number.isdecimal() or int(number) >= lengths[axis]:
            offered = ", ".join(f"{a}=0 to {n - 1}" for a, n in lengths.items()) or "none: it is one plane"
            raise ValueError(f"There is no plane {part} in the result. It has {offered}.")
        index[axis] = int(number)
    return index
