"""How much work to put into a result: three presets, the same in the widget, in Python and in the shell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_cvdm.restoration.errors import InputError, InputTypeError


@dataclass(frozen=True)
class Preset:
    """A named amount of work.

    Attributes
    ----------
    name : str
        What `restore` and the command line take.
    title : str
        What the user reads.
    draws : int
        Draws for each plane; 0 for the mean network alone.
    explanation : str
        What one gets for it, in one or two sentences.
    """

    name: str
    title: str
    draws: int
    explanation: str

    @property
    def preview(self) -> bool:
        """Whether only the mean network runs."""
        return self.draws == 0


PREVIEW = Preset(
    "preview",
    "Preview",
    0,
    "One pass of the mean network, with the uncertainty that it states itself. Takes seconds.",
)
STANDARD = Preset(
    "standard",
    "Standard",
    8,
    "Eight sharp images that all agree with yours are drawn for each plane. Where they differ is the "
    "uncertainty.",
)
THOROUGH = Preset(
    "thorough",
    "Thorough",
    24,
    "24 draws for each plane: the same reconstruction, and an uncertainty that is steadier from pixel to "
    "pixel.",
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in (PREVIEW, STANDARD, THOROUGH)}
"""All presets by name, the quickest first."""


def find_preset(name: str) -> Preset:
    """Return the preset of a name, in whatever case it is written."""
    if not isinstance(name, str):
        raise InputTypeError(f"The preset must be a name such as 'standard', not {name!r}.")
    preset = PRESETS.get(name.strip().lower())
    if preset is None:
        raise InputError(f"There is no preset '{name}': choose {', '.join(PRESETS)}.")
    return preset


def resolve_preset(preset: str | None, draws: Any, preview: bool) -> tuple[Any, bool]:
    """Settle how many draws there are to be for each plane, and whether only the mean network runs.

    A number of draws of the caller's own, which is checked elsewhere, overrules the preset's; a preview
    overrules both, and the number of draws has no meaning then.

    Raises
    ------
    InputError, InputTypeError
        If there is no such preset, or draws are asked for in a preset without draws.
    """
    chosen = STANDARD if preset is None else find_preset(preset)
    if preset is not None and chosen.preview and draws is not None:
        raise InputError(
            "The preset 'preview' makes no draws: leave out the number of draws, or choose another preset."
        )
    return (chosen.draws if draws is None else draws), preview or chosen.preview
