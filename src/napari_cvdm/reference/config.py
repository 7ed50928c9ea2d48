"""Which variant of the published architecture a network is, in plain numbers that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

KIND = "cvdm-reference"
"""Value of "kind" in the architecture of a model card."""

#: Range of every number: beyond it lies a mistake or an attack, and building it could fill memory.
_BOUNDS: dict[str, tuple[float, float]] = {
    "in_channels": (1, 64),
    "out_channels": (1, 64),
    "stem": (0, 1024),
    "noise_blocks": (0, 8),
    "schedule_width": (1, 512),
    "mean_width": (0, 512),
    "time_units": (1, 8192),
    "training_size": (8, 8192),
    "upscaling": (1, 8),
}


@dataclass(frozen=True)
class ReferenceConfig:
    """Architecture of a `ReferenceCVDM`, and what its weights cannot tell: how its images were prepared.

    Attributes
    ----------
    noise_kind : {"sr3", "unet"}
        Which noise network.
    in_channels, out_channels : int
        Channels of the observation and of the sharp image.
    noise_widths : tuple of int
        sr3: channels of each level, finest first. unet: the channels of the finest level alone.
    stem, noise_blocks : int
        sr3: channels of the first convolutions, and residual blocks per level. unet: 0.
    attention_level : int or None
        sr3: level whose blocks are followed by attention.
    schedule_width, mean_width : int
        Channels of the finest level of the schedule's and the mean network; without zero-mean diffusion the
        latter is 0.
    time_units : int
        Sigmoid units of the schedule's time models.
    training_size : int
        Side of the training images in pixels, which is the side of a tile.
    adds_input : bool
        Whether the network models the difference between the sharp image and the observation (the authors'
        super-resolution tasks), so that the observation is added in the end.
    upscaling : int
        Enlargement of the camera image before the network sees it; 1 if the images are enlarged already.
    percentiles : tuple of float
        Percentiles of the intensities that become −1 and 1.
    """

    noise_kind: Literal["sr3", "unet"]
    in_channels: int
    out_channels: int
    noise_widths: tuple[int, ...]
    stem: int = 0
    noise_blocks: int = 0
    attention_level: int | None = None
    schedule_width: int = 32
    mean_width: int = 0
    time_units: int = 1024
    training_size: int = 256
    adds_input: bool = True
    upscaling: int = 1
    percentiles: tuple[float, float] = (0.0, 100.0)

    #: Size of the residual that zero-mean diffusion models, in units of the image range [−1, 1].
    residual_scale = 0.5

    def __post_init__(self) -> None:
        """Refuse numbers that no network of this kind could have.

        Raises
        ------
        ValueError
            Naming the setting.
        """
        for name, (low, high) in _BOUNDS.items():
            if not _whole(getattr(self, name), low, high):
                raise ValueError(f"'{name}' must be a whole number from {low} to {high}")
        widths: object = self.noise_widths  # whatever a file held
        if not (
            isinstance(widths, tuple) and 1 <= len(widths) <= 8 and all(_whole(w, 1, 4096) for w in widths)
        ):
            raise ValueError("'noise_widths' must be 1 to 8 whole numbers from 1 to 4096")
        if self.attention_level is not None and not _whole(self.attention_level, 0, len(widths) - 1):
            raise ValueError("'attention_level' must be null or the number of a level")
        if not isinstance(self.adds_input, bool):
            raise ValueError("'adds_input' must be true or false")
        self._check_kind()
        self._check_percentiles()

    def _check_kind(self) -> None:
        if self.noise_kind not in ("sr3", "unet"):
            raise ValueError("'noise_kind' must be sr3 or unet")
        if self.noise_kind == "sr3" and not (self.stem and self.noise_blocks):
            raise ValueError("an sr3 network needs a 'stem' and 'noise_blocks' of at least 1")
        if self.noise_kind == "unet" and (len(self.noise_widths) > 1 or self.noise_widths[0] > 512):
            raise ValueError("a unet network has one number in 'noise_widths', of at most 512")
        if self.adds_input and self.in_channels != self.out_channels:
            raise ValueError("'adds_input' needs as many channels in the sharp image as in the observation")

    def _check_percentiles(self) -> None:
        values: object = self.percentiles  # whatever a file held
        if not (
            isinstance(values, tuple)
            and len(values) == 2
            and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
            and 0 <= values[0] < values[1] <= 100
        ):
            raise ValueError("'percentiles' must be two rising numbers from 0 to 100")

    @property
    def zero_mean(self) -> bool:
        """Whether diffusion models the residual about a mean network's picture."""
        return self.mean_width > 0

    @property
    def granularity(self) -> int:
        """Heights and widths must be multiples of this."""
        return max(16, 1 << (len(self.noise_widths) - 1))

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON-able values, with its kind."""
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {"kind": KIND, **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ReferenceConfig:
        """Build a configuration from what `to_dict` gave.

        Raises
        ------
        ValueError
            If it is of another kind, a name is unknown or missing, or a value impossible.
        """
        settings: dict[str, Any] = dict(values)
        if (kind := settings.pop("kind", None)) != KIND:
            raise ValueError(f"the architecture is of the kind {str(kind)[:40]!r}, not {KIND!r}")
        known = {f.name for f in fields(cls)}
        if unknown := sorted(str(name)[:40] for name in set(settings) - known):
            raise ValueError(f"unknown architecture settings: {', '.join(unknown[:5])}")
        if missing := sorted({"noise_kind", "in_channels", "out_channels", "noise_widths"} - set(settings)):
            raise ValueError(f"missing architecture settings: {', '.join(missing)}")
        for name, value in settings.items():
            settings[name] = tuple(value) if isinstance(value, list) else value
        return cls(**settings)


def _whole(value: object, low: float, high: float) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
