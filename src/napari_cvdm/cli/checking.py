"""``napari-cvdm check``: how far to trust a result, as a page, as numbers and as a map.

Nothing heavy is imported before the command runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_cvdm.cli.matching import plane_of, restored_part
from napari_cvdm.cli.options import Device, Model, Overwrite
from napari_cvdm.cli.outputs import check_writable, refuse_losses
from napari_cvdm.cli.pictures import open_pictures, result_stem
from napari_cvdm.files.whole_file import write_whole

if TYPE_CHECKING:
    from napari_cvdm.assessment.checks import Checks
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.models import PretrainedModel


DEFAULT = "default"


def check(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A reconstruction: TIFF or OME-Zarr.")],
    *,
    source: Annotated[
        Path | None,
        typer.Option("--input", help="The image it was made from.  [default: as the result says]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The report, or a folder for it.  [default: RESULT_check.html]"),
    ] = None,
    plane: Annotated[
        str | None,
        typer.Option(help="Which plane of a stack, from 0, such as T=3,Z=5.  [default: the first]"),
    ] = None,
    psf: Annotated[
        Path | None, typer.Option(help="TIFF of the PSF from result to input.  [default: estimated]")
    ] = None,
    model: Model = DEFAULT,
    without_model: Annotated[
        bool, typer.Option("--without-model", help="Leave out the checks that restore again.")
    ] = False,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Check a result without ground truth, and write a report."""
    from napari_cvdm.assessment.checks import run_checks
    from napari_cvdm.cli.opening import open_image
    from napari_cvdm.cli.progress import ProgressDisplay
    from napari_cvdm.files.tiff import read_tiff

    given = [path for path in (result, source, psf) if path is not None]
    report = _report_path(result, output, given, overwrite)
    pictures = open_pictures(result)
    provenance = pictures.provenance
    source = source or _source_of(result, provenance)
    image = open_image(source, _number_of(source, provenance), lazily=True)
    index = _plane_index(plane, pictures.reconstruction)
    maker = None if without_model else _model(model, provenance)
    measured, pixel_size = restored_part(image, index, provenance)
    sharp = plane_of(pictures.reconstruction, index)
    _check_scale(measured.shape, sharp.shape, provenance.get("upscaling"))
    with ProgressDisplay() as display:
        checks = run_checks(
            measured,
            sharp,
            std=None if pictures.std is None else plane_of(pictures.std, index),
            draws=[plane_of(draw, index) for draw in pictures.draws] or None,
            pixel_size=pixel_size,
            psf=None if psf is None else read_tiff(psf).data.squeeze(),
            model=maker,
            provenance=provenance,
            device=device,
            progress=lambda words, share: display.advance("check", share, words),
        )
    _write(checks, report, result, provenance, maker, index, overwrite)
    for verdict in checks.verdicts:
        typer.echo(f"{verdict.level:9}  {verdict.name}: {verdict.sentence}")
    if checks.part.words:
        typer.echo(checks.part.words)
    typer.echo(report)


def _check_scale(plane: tuple[int, ...], sharp: tuple[int, ...], upscaling: object) -> None:
    """Refuse an image of another size than the one restored, where the result says how much it enlarged."""
    if isinstance(upscaling, int) and sharp != tuple(n * upscaling for n in plane):
        raise ValueError(
            f"A result of {sharp[0]} × {sharp[1]} pixels, {upscaling} times as fine as its input, cannot "
            f"belong to {plane[0]} × {plane[1]} pixels: choose the image that was restored."
        )


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
    write_whole(report, html, overwrite=overwrite)  # the file may have come meanwhile
    write_whole(report.with_suffix(".json"), numbers, overwrite=overwrite)
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
    if report.is_dir() or not report.suffix:  # a folder that is not there yet is made, as for results
        report = report / f"{result_stem(result)}_check.html"
    if report.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{report} is no HTML file: name one that ends in .html, or a folder.")
    files = (report, report.with_suffix(".json"), _map_path(report))
    refuse_losses(files, given, overwrite)
    check_writable(report.parent, *(path.name for path in files))
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


def _model(name: str, provenance: Mapping[str, Any]) -> PretrainedModel | None:
    from napari_cvdm.assessment.maker import maker_of
    from napari_cvdm.models import list_models, load_model

    maker = maker_of(provenance, None)
    if name == DEFAULT and maker.sha256 is not None and not maker.bundled:
        # Nobody has said that the bundled model made it.
        here = [each.name for each in list_models() if each.path and each.entry.sha256 == maker.sha256]
        if not here:
            typer.echo(
                "warning: the result was made by another model than the bundled one, and 'models list' does "
                "not show it: what needs the model is left out. Name its file with --model.",
                err=True,
            )
            return None
        name = here[0]
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
    named: set[str] = set()
    for part in (plane or "").replace(" ", "").upper().split(","):
        axis, _, number = part.partition("=")
        if not part:
            continue
        if axis in named:
            raise ValueError(f"--plane names axis {axis} twice: one plane is checked.")
        named.add(axis)
        if axis not in lengths or not number.isdecimal() or int(number) >= lengths[axis]:
            offered = ", ".join(f"{a}=0 to {n - 1}" for a, n in lengths.items()) or "none: it is one plane"
            raise ValueError(f"There is no plane {part} in the result. It has {offered}.")
        index[axis] = int(number)
    return index
