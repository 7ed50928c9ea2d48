"""``napari-cvdm simulate``: pairs of a wide-field image and its truth, as files.

Nothing heavy is imported before the command runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_cvdm.cli.options import Overwrite

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
    """Simulate wide-field images and their sharp truth."""
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
    written = "1 pair is" if count == 1 else f"{count} pairs are"
    typer.echo(f"{written} in {output}. Score a model on them: napari-cvdm evaluate {output}")
