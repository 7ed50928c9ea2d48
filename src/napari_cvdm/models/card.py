"""The model card: what a set of weights is, was trained on, and may be used for.

The card travels inside the weights file, in the safetensors header, so that a model never gets
separated from its description. A card from outside is untrusted: every field is checked on reading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from napari_cvdm.models.errors import ModelError, printable

FORMAT_VERSION = 1
"""Version of the card and of the file layout that this package writes, and the newest it reads."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def check_name(name: object) -> str:
    """Return `name` if it can serve as a model name and as a file name on every system.

    Raises
    ------
    ModelError
        If it is not 1 to 64 letters, digits, dots, dashes and underscores, starting with a letter
        or a digit and not ending in a dot: anything else could leave the cache folder or fail on another
        file system. Neither can it be the name of a device on Windows, such as "nul" or "COM1.x".
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ModelError(
            f"{_short(name)} cannot be a model name: use up to 64 letters, digits, dots, dashes and "
            "underscores, starting with a letter or a digit and not ending in a dot."
        )
    if _DEVICE.fullmatch(name):
        raise ModelError(f"'{name}' cannot be a model name: on Windows it stands for a device.")
    return name


@dataclass(frozen=True)
class ModelCard:
    """What is known about a trained model.

    Parameters
    ----------
    name : str
        Short name, also used for files: letters, digits, dots, dashes and underscores.
    description : str
        What the model is for, in a sentence or two.
    architecture : dict
        The network's configuration, as `CVDMConfig.to_dict` writes it.
    upscaling : int
        Pixels of the restored image per camera pixel and axis.
    default_steps : int
        Denoising steps per draw when the user does not choose.
    training : dict
        Data, number of steps and configuration of the training run.
    ranges : dict
        The imaging conditions covered in training (PSF width, photons, background ...).
    calibration : dict or None
        How the standard deviation of draws was calibrated, ``{"kind": ..., <numbers>}``; None if not.
    preview_calibration : dict or None
        The same for the scale that the mean network predicts in one pass, which a preview shows.
    posterior_shrinkage, posterior_scale_weight : float
        How draws are put together: the weight, 0 to 1, of the mean network's picture in the mean, and of its
        scale in the variance, counted in antithetic pairs. See `napari_cvdm.restoration.posterior`.
    posterior_orientations : int
        In how many orientations, 1, 2, 4 or 8, the mean network sees a plane before draws are made. See
        `napari_cvdm.restoration.orientations`.
    pixel_size_nm : (float, float) or None
        Smallest and largest camera pixel size, in nanometres, that training covered.
    metrics : dict
        Measured performance, by data set.
    licence : str
        Licence of the weights.
    citations : tuple of str
        Works to cite when the model is used.
    format_version : int
        Version of this layout.

    Raises
    ------
    ModelError
        If a field has the wrong type or an impossible value.
    """

    name: str
    description: str
    architecture: dict[str, Any]
    upscaling: int
    default_steps: int
    training: dict[str, Any] = field(default_factory=dict)
    ranges: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] | None = None
    preview_calibration: dict[str, Any] | None = None
    posterior_shrinkage: float = 0.0
    posterior_scale_weight: float = 0.0
    posterior_orientations: int = 1
    pixel_size_nm: tuple[float, float] | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    licence: str = "BSD-3-Clause"
    citations: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        check_name(self.name)
        for key in ("description", "licence"):
            if not isinstance(getattr(self, key), str):
                raise ModelError(f"The model card's '{key}' must be text, not {_short(getattr(self, key))}.")
        for key in ("architecture", "training", "ranges", "metrics"):
            if not isinstance(getattr(self, key), Mapping):
                raise ModelError(
                    f"The model card's '{key}' must be a table, not {_short(getattr(self, key))}."
                )
        if not isinstance(self.training.get("data", ()), str):
            _as_texts("training: data", self.training.get("data", ()))
        _check_ranges(self.ranges)
        _check_number("upscaling", self.upscaling, 1, 8, whole=True)
        _check_number("default_steps", self.default_steps, 1, 10_000, whole=True)
        for key in ("calibration", "preview_calibration"):
            _check_calibration(key, getattr(self, key))
        _check_number("posterior_shrinkage", self.posterior_shrinkage, 0, 1)
        _check_number("posterior_scale_weight", self.posterior_scale_weight, 0, 1000)
        _check_number("posterior_orientations", self.posterior_orientations, 1, 8, whole=True)
        if self.posterior_orientations not in (1, 2, 4, 8):
            raise ModelError(
                "The model card's 'posterior_orientations' must be 1, 2, 4 or 8, not "
                f"{self.posterior_orientations}."
            )
        object.__setattr__(self, "pixel_size_nm", _as_pixel_sizes(self.pixel_size_nm))
        object.__setattr__(self, "citations", _as_texts("citations", self.citations))

    def to_dict(self) -> dict[str, Any]:
        """Return the card as a dictionary that JSON can hold."""
        return asdict(self)

    def to_json(self) -> str:
        """Return the card as JSON text, always the same text for the same card.

        What JSON has no word for, such as NaN or an array, is a `ModelError`.
        """
        try:
            return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"The model card of '{self.name}' cannot be written as JSON: {error}."
            ) from error

    @classmethod
    def from_dict(cls, data: object) -> ModelCard:
        """Build a card from what JSON text from outside held.

        Raises
        ------
        ModelError
            If it is not a table, misses a field, has a field this version does not know, was
            written in a newer format, or holds an impossible value.
        """
        if not isinstance(data, Mapping):
            raise ModelError(f"The model card must be a table, not {_short(data)}.")
        _check_version(data.get("format_version"))  # first: a newer layout may differ in everything else
        known = {f.name for f in fields(cls)}
        if unknown := sorted(str(key) for key in set(data) - known):
            raise ModelError(f"The model card has unknown fields: {_short(', '.join(unknown))}.")
        required = {"name", "description", "architecture", "upscaling", "default_steps"}
        if missing := sorted(required - set(data)):
            raise ModelError(f"The model card lacks: {', '.join(missing)}.")
        return cls(**data)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Build a card from JSON text; errors are those of `from_dict`."""
        try:
            data = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"The model card is not valid JSON: {_short(str(error))}.") from error
        return cls.from_dict(data)


def _check_version(version: object) -> None:
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ModelError(f"The model card states no valid format version (found {_short(version)}).")
    if version > FORMAT_VERSION:
        raise ModelError(
            f"The model was written in format {_short(version)}, and this napari-cvdm reads formats up to "
            f"{FORMAT_VERSION}: update napari-cvdm."
        )


def _check_number(key: str, value: object, low: int, high: int, *, whole: bool = False) -> None:
    kind = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
        what = "whole number" if whole else "number"
        raise ModelError(
            f"The model card's '{key}' must be a {what} from {low} to {high}, not {_short(value)}."
        )


def _as_texts(key: str, values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise ModelError(f"The model card's '{key}' must be a list of texts, not {_short(values)}.")
    return tuple(values)


def _check_ranges(ranges: Mapping[str, Any]) -> None:
    for key, value in ranges.items():
        values = value if isinstance(value, list | tuple) else [value]
        if not all(_is_number(v) or isinstance(v, bool | str) for v in values):
            raise ModelError(
                f"The model card's range '{_short(key)}' must be a number or two, smallest first, "
                f"not {_short(value)}."
            )


def _check_calibration(name: str, calibration: object) -> None:
    if calibration is None:
        return
    if not isinstance(calibration, Mapping) or not isinstance(calibration.get("kind"), str):
        raise ModelError(f"The model card's '{name}' must be null or a table with a 'kind'.")
    for key, value in calibration.items():
        values = value if isinstance(value, list | tuple) else [value]
        if key != "kind" and not all(_is_number(v) for v in values):
            raise ModelError(f"The model card's {name} '{_short(key)}' must hold finite numbers.")


def _as_pixel_sizes(sizes: object) -> tuple[float, float] | None:
    if sizes is None:
        return None
    if (
        not isinstance(sizes, list | tuple)
        or len(sizes) != 2
        or not all(_is_number(v) for v in sizes)
        or not 0 < sizes[0] <= sizes[1]
    ):
        raise ModelError(
            "The model card's 'pixel_size_nm' must be null or the smallest and the largest pixel size in "
            f"nanometres, not {_short(sizes)}."
        )
    return float(sizes[0]), float(sizes[1])


def _is_number(value: object) -> bool:
    # The comparison is False for NaN, and unlike math.isfinite takes integers of any size.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not allowed")


def one_line(text: str) -> str:
    """Return untrusted prose as it may be printed, with a space for each break."""
    return printable(" ".join(text.split()), 500)


def _short(value: object) -> str:
    """Show an untrusted value in a message without letting it fill the screen or break the line."""
    return printable(value if isinstance(value, str) else repr(value), 80)
