"""``napari-cvdm demo``: a real micrograph made sharper, with nothing but what ships in the package.

Nothing heavy is imported before the command runs.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_cvdm.cli.opening import known_provenance
from napari_cvdm.cli.options import Device, Draws, Model, Overwrite
from napari_cvdm.cli.outputs import OutputFiles, check_writable
from napari_cvdm.files.whole_file import write_whole

if TYPE_CHECKING:
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.restoration.result import Restoration


_SAMPLE = "tubulin_widefield"
_DETAIL_SIDE = 160  # camera pixels shown in the picture: few enough to see them


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path(
        "napari-cvdm-demo"
    ),
    model: Model = "default",
    draws: Draws = 8,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Restore a bundled real micrograph; needs no network."""
    check_writable(output)
    files = OutputFiles(output / "reconstruction.ome.tif", output / "uncertainty.ome.tif")
    picture, widefield = output / "side_by_side.png", output / "widefield.ome.tif"
    if not overwrite:
        _refuse_others(files, picture, widefield)
    from napari_cvdm.cli.restoring import Settings, restore_image
    from napari_cvdm.cli.writing import write_result
    from napari_cvdm.files.ome_tiff import write_ome_tiff
    from napari_cvdm.files.samples import SAMPLES, read_sample
    from napari_cvdm.models import load_model

    pretrained = load_model(model)
    typer.echo(f"Restoring a real image: {SAMPLES[_SAMPLE]}. The model: {pretrained.name}.")
    settings = Settings(draws=draws, device=device)
    image = read_sample(_SAMPLE)
    result = restore_image(image, pretrained, settings, label="demo")
    truth = read_sample("tubulin_sim")
    write_result(result, image, files, overwrite=True)
    write_ome_tiff(widefield, image.data, image.axes, image.pixel_size, overwrite=True)
    write_whole(picture, _draw_picture(image, result, truth))
    for path, content in (
        (widefield, "the wide-field image, as it was recorded"),
        (files.reconstruction, "the reconstruction, at twice the sampling"),
        (files.uncertainty, "its standard deviation, pixel by pixel: where to doubt it"),
        (picture, "a detail of all, beside the real SIM image of the same field"),
    ):
        typer.echo(f"  {path}  {content}")
    typer.echo(_compare(image, result, truth))
    typer.echo(
        "Next, an image of your own: napari-cvdm restore IMAGE.tif -o RESULT.ome.tif\n"
        "Or start napari: File > Open Sample, then Plugins > CVDM super-resolution."
    )


def _refuse_others(files: OutputFiles, picture: Path, widefield: Path) -> None:
    """Refuse to replace files that no demonstration has written: their names are anybody's."""
    from napari_cvdm.files.samples import sample_path

    own = sample_path(_SAMPLE).name
    others = [path for path in files.all if path.exists() and known_provenance(path).get("source") != own]
    if widefield.exists() and not _is_sample(widefield):
        others.append(widefield)
    # A picture does not say what it is of. A demonstration draws it last, beside its results.
    if picture.exists() and not all(path.exists() for path in files.all):
        others.append(picture)
    if others:
        raise ValueError(
            f"{others[0]} exists, and is not of a demonstration: choose another folder with -o, or add "
            "--overwrite."
        )


def _is_sample(path: Path) -> bool:
    """Whether a file holds the pixels of the bundled image: writing them again loses nothing."""
    import numpy as np

    from napari_cvdm.files.samples import read_sample
    from napari_cvdm.files.tiff import read_tiff
    from napari_cvdm.restoration.errors import ImageFileError

    try:
        return np.array_equal(read_tiff(path).data, read_sample(_SAMPLE).data)
    except ImageFileError:
        return False


def _draw_picture(image: ImageFile, result: Restoration, truth: ImageFile) -> bytes:
    """Draw a detail of the field as a PNG file."""
    from napari_cvdm.assessment.figure import Panel, choose_detail, draw_side_by_side, on_fine_grid

    detail = choose_detail(image.data, _DETAIL_SIDE)
    fine = on_fine_grid(detail, result.upscaling)
    panels = [
        Panel("wide field, as recorded", image.data[detail]),
        Panel("CVDM reconstruction", result.mean[fine]),
        Panel("uncertainty", result.std[fine], is_uncertainty=True, unit="camera counts"),
    ]
    if truth.data.shape == result.mean.shape:
        panels.append(Panel("real SIM, for comparison", truth.data[fine]))
    width = None if image.pixel_size is None else image.pixel_size * (detail[1].stop - detail[1].start)
    file = io.BytesIO()
    draw_side_by_side(panels, field_width=width).save(file, format="PNG", optimize=True)
    return file.getvalue()


def _compare(image: ImageFile, result: Restoration, truth: ImageFile) -> str:
    """Say how much closer to the real SIM image the reconstruction is than plain enlargement."""
    from napari_cvdm.assessment.baselines import enlarge
    from napari_cvdm.assessment.metrics import normalize_truth
    from napari_cvdm.assessment.scores import score
    from napari_cvdm.restoration.normalization import Normalization

    if truth.data.shape != result.mean.shape:
        return "The model's upscaling is not that of the bundled SIM image: there is nothing to compare with."
    target = normalize_truth(truth.data)
    plain = score(enlarge(Normalization.fit(image.data).apply(image.data), result.upscaling), target)
    restored = score(result.mean, target)
    return (
        f"Against the real SIM image: PSNR {restored.psnr:.1f} dB, SSIM {restored.ssim:.2f}; "
        f"for plain bicubic enlargement {plain.psnr:.1f} dB, {plain.ssim:.2f} "
        f"({restored.psnr - plain.psnr:+.1f} dB, {restored.ssim - plain.ssim:+.2f})."
    )
