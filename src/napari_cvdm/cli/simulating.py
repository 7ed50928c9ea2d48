"""``napari-cvdm simulate``: pairs of a wide-field image and its truth, as files.

Nothing heavy is imported before the command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_cvdm.cli.opening import known_provenance
from napari_cvdm.cli.options import Overwrite
from napari_cvdm.cli.outputs import check_writable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CAMERA_PIXEL_NM = 65.0


def simulate(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pairs.")],
    kind: Annotated[str, typer.Option(help="Structure, such as microtubules, or all in turn.")] = "all",
    count: Annotated[int, typer.Option(min=1, help="How many pairs.")] = 8,
    size: Annotated[int, typer.Option(help="Side of the wide-field image in pixels.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same pixels.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Simulate wide-field images and their sharp truth. Interrupted commands go on when repeated."""
    from napari_cvdm import __version__
    from napari_cvdm.files.ome_tiff import write_ome_tiff
    from napari_cvdm.simulation.pairs import KINDS, simulate_pair

    check_writable(output)
    kinds = KINDS if kind == "all" else (kind,)
    there = 0
    for number in range(seed, seed + count):
        chosen = kinds[(number - seed) % len(kinds)]
        about = {"simulated": {"kind": chosen, "seed": number, "size": size, "version": __version__}}
        files = [output / f"{chosen}_{number:04d}{suffix}.tif" for suffix in ("_wf", "_sim")]
        made = [known_provenance(path) == about for path in files]
        if all(made):
            there += 1
            continue
        images: tuple[NDArray[Any], ...] = simulate_pair(chosen, number, size)
        output.mkdir(parents=True, exist_ok=True)  # not before the settings have proved good
        for path, image, upscaling, own in zip(files, images, (1, 2), made, strict=True):
            pixel_size = _CAMERA_PIXEL_NM / upscaling
            write_ome_tiff(path, image, "YX", pixel_size, about, overwrite=overwrite or own)
    if there:
        typer.echo(f"Simulated already, and left as they are: {there} of {count} pairs.", err=True)
    written = "1 pair is" if count == 1 else f"{count} pairs are"
    typer.echo(f"{written} in {output}. Score a model on them: napari-cvdm evaluate {output}")
