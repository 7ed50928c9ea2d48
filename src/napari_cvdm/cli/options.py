"""Options that several commands share, so that one name means one thing in all of them."""

from __future__ import annotations

from typing import Annotated

import typer

Model = Annotated[str, typer.Option(help="Name, path or DOI of a model; see 'models list'.")]
Draws = Annotated[int, typer.Option(help="Draws from the posterior, best an even number.")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps per draw.  [default: the model's own]")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same pixels.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
WfSuffix = Annotated[str, typer.Option(help="How the names of wide-field images end.")]
SimSuffix = Annotated[str, typer.Option(help="How the names of the sharp images end.")]
Fresh = Annotated[
    bool, typer.Option("--fresh/--resume", help="Start again, or go on from the last checkpoint.")
]
