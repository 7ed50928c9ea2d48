"""``napari-cvdm simulate``: pairs of a wide-field image and its truth, as files."""

from __future__ import annotations

from pathlib import Path

import typer

__all__ = ["simulate_pairs"]

_CAMERA_PIXEL_NM = 65.0


def simulate_pairs(output: Path, *, kind: str, count: int, size: int, seed: int, overwrite: bool) -> None:
    """Write simulated pairs that ``napari-cvdm evaluate`` reads.

    Parameters
    ----------
    output : Path
        Folder; made when it does not exist.
    kind : str
        One of `napari_cvdm.simulation.pairs.KINDS`, or "all" to go through them in turn.
    count, size, seed : int
        How many pairs, the side of the wide-field image in pixels, and what fixes the pixels.
    overwrite : bool
        Replace files that exist.

    Raises
    ------
    ValueError
        If the kind or the size cannot be used, or a file exists.
    """
    from napari_cvdm.files.ome_tiff import write_ome_tiff
    from napari_cvdm.simulation.pairs import KINDS, simulate_pair

    kinds = KINDS if kind == "all" else (kind,)
    for number in range(count):
        chosen = kinds[number % len(kinds)]
        widefield, truth = simulate_pair(chosen, seed + number, size)
        output.mkdir(parents=True, exist_ok=True)  # not before the settings have proved good
        for image, suffix, pixel_size in (
            (widefield, "_wf", _CAMERA_PIXEL_NM),
            (truth, "_sim", _CAMERA_PIXEL_NM / 2),
        ):
            write_ome_tiff(
                output / f"{chosen}_{seed + number:04d}{suffix}.tif",
                image,
                "YX",
                pixel_size,
                {"simulated": {"kind": chosen, "seed": seed + number, "size": size}},
                overwrite=overwrite,
            )
    typer.echo(f"{count} pairs are in {output}. Score a model on them: napari-cvdm evaluate {output}")
