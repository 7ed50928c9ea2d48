"""What a model's card says, read without loading the model."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_cvdm.models.card import ModelCard

_RANGE_WORDS = {
    "photons": "Photons in the brightest pixels",
    "background": "Background, as a share of the brightest structure",
    "read_noise": "Read noise in electrons",
    "psf_sigma": "Width of the point-spread function (standard deviation, in pixels of the result)",
    "haze": "Out-of-focus haze, as a share of the structure in focus",
    "haze_sigma": "Width of the haze in pixels of the result",
}
_NOT_OF_THE_IMAGE = {"target_ratio", "target_sigma_min"}  # how sharp the training targets were


def read_card(name: str) -> ModelCard | None:
    """Read the card of a model that is on this machine; weights are not touched, torch is not loaded.

    None if the model is not on this machine yet, or its file holds no card. ``name`` is that of a model,
    "default", or the path of a .safetensors file.

    Raises
    ------
    ModelError
        If there is a file, but it or its card is damaged.
    """
    from napari_cvdm.models.card import ModelCard
    from napari_cvdm.models.safetensors_header import read_header
    from napari_cvdm.models.weights import METADATA_KEY

    path = _file_of(name)
    if path is None or path.suffix.lower() != ".safetensors":
        return None
    text = read_header(path).metadata.get(METADATA_KEY)
    return None if text is None else ModelCard.from_json(text)


def as_html(card: ModelCard) -> str:
    """Describe a model for a reader, as HTML; what a card holds is escaped, because it may be anybody's."""
    from napari_cvdm.models.pretrained import notes_for

    finer = f"{card.upscaling} times finer than the image" if card.upscaling > 1 else "that of the image"
    rows: list[tuple[str, str]] = [("Sampling", finer)]
    if card.pixel_size_nm is not None:
        low, high = card.pixel_size_nm
        rows.append(("Pixel sizes it knows", f"{low:g} to {high:g} nm"))
    rows += [
        (_RANGE_WORDS.get(key, key), _value(value))
        for key, value in card.ranges.items()
        if key not in _NOT_OF_THE_IMAGE
    ]
    rows.append(("Steps per draw", str(card.default_steps)))
    if card.posterior_orientations > 1:
        rows.append(("Orientations it sees", str(card.posterior_orientations)))
    rows.append(("Uncertainty", "calibrated on held-out images" if card.calibration else "not calibrated"))
    parts = [
        f"<h3>{escape(card.name)}</h3><p>{escape(card.description)}</p>",
        _table(rows),
        _list("Please note", notes_for(card)),
        _list("Trained on", card.training.get("data", ())),
        f"<p><b>Licence:</b> {escape(card.licence)}</p>",
        _list("Please cite", card.citations),
    ]
    return "".join(parts)


def _file_of(name: str) -> Path | None:
    from napari_cvdm.models import list_models

    for model in list_models():
        if model.name == name or (name == "default" and model.is_default):
            return model.path
    path = Path(name).expanduser()
    return path if path.is_file() else None


def _value(value: Any) -> str:
    numbers = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(number, int | float) for number in numbers):
        return str(value)
    return " to ".join(f"{number:g}" for number in numbers)


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><td>{escape(name)}&nbsp;&nbsp;</td><td><b>{escape(value)}</b></td></tr>" for name, value in rows
    )
    return f"<table cellpadding='2'>{cells}</table>"


def _list(title: str, entries: Any) -> str:
    if isinstance(entries, str):
        entries = [entries]
    items = "".join(f"<li>{escape(str(entry))}</li>" for entry in entries)
    return f"<p><b>{title}:</b></p><ul>{items}</ul>" if items else ""
