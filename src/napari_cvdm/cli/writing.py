"""Results of one image into files: what does not fit into them is said before the work."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cvdm.cli.outputs import OutputFiles

if TYPE_CHECKING:
    from napari_cvdm.cli.restoring import Settings
    from napari_cvdm.files.image_file import ImageFile
    from napari_cvdm.restoration.result import Restoration


def check_storable(image: ImageFile, settings: Settings) -> None:
    """Refuse an image of which the part to be restored has more axes than a file of results can hold.

    Raises
    ------
    ValueError, TypeError
        If there are too many axes, or no such part.
    """
    from napari_cvdm.files.ome_tiff import ome_letters

    ome_letters(settings.part_of(image).restored)


def channel_names_of(image: ImageFile, chosen: Sequence[int] | None, channels: int) -> tuple[str, ...]:
    """Return the names of the channels that were restored; none, if they do not fit."""
    names = image.channel_names
    if chosen is not None:  # a file may name fewer channels than it has: one name for the three of a colour
        known = all(-len(names) <= i < len(names) for i in chosen)
        names = tuple(names[i] for i in chosen) if known else ()
    return names if len(names) == channels else ()


def write_result(
    result: Restoration,
    image: ImageFile,
    files: OutputFiles,
    *,
    channels: Sequence[int] | None = None,
    overwrite: bool = False,
    made: Collection[Path] = (),
) -> None:
    """Write reconstruction, uncertainty and kept draws as OME-TIFF.

    Parameters
    ----------
    result : Restoration
        What to write.
    image : ImageFile
        The input, for what a restoration does not change: spacing, time interval and names of channels.
    files : OutputFiles
        Where to.
    channels : sequence of int, optional
        The channels that were restored, if not all.
    overwrite : bool, optional
        Replace files that exist.
    made : collection of Path, optional
        Those of the files that stay as they are.
    """
    from napari_cvdm.files.ome_tiff import ome_channels, write_ome_tiff
    from napari_cvdm.restoration.axes import Axes

    axes = Axes(result.axes, result.mean.shape)
    provenance: dict[str, Any] = {
        **result.provenance,
        "shape": list(axes.shape),  # files leave out some axes of length 1
        "source": Path(image.source).name,
        **({"image": image.number} if image.number else {}),
    }
    images = [
        (files.reconstruction, result.mean, "reconstruction"),
        (files.uncertainty, result.std, "uncertainty"),
    ]
    if result.draws is not None:
        images += [
            (path, draw, f"draw {number} of {len(files.draws)}")
            for number, (path, draw) in enumerate(zip(files.draws, result.draws, strict=True), start=1)
        ]
    height, width = _restored_sides(image, result)
    names = channel_names_of(image, channels, ome_channels(axes))
    for path, data, content in images:
        if path in made:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        write_ome_tiff(
            path,
            data,
            result.axes,
            width,
            {**provenance, "content": content},
            pixel_height_nm=height,
            z_spacing_nm=image.z_spacing if "Z" in result.axes else None,
            time_interval_s=image.time_interval if "T" in result.axes else None,
            channel_names=names,
            overwrite=overwrite,
        )


def _restored_sides(image: ImageFile, result: Restoration) -> tuple[float | None, float | None]:
    """Return height and width in nm of a restored pixel, as far as they are known."""
    size = result.restored_pixel_size
    if size is None and image.pixel_sides is not None:
        height, width = image.pixel_sides
        return height / result.upscaling, width / result.upscaling
    return size, size
