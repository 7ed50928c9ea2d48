"""Training configuration: one TOML file that, with the code, fixes a training run."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from napari_cvdm.cvdm.model import CVDMConfig
from napari_cvdm.cvdm.objective import ObjectiveWeights
from napari_cvdm.simulation.micrographs import Variety
from napari_cvdm.simulation.pairs import KINDS
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.training.requirements import requirements

T = TypeVar("T")


class ConfigError(ValueError):
    """A training configuration that cannot be used; the message names the setting and the remedy."""


@dataclass(frozen=True)
class DataConfig:
    """What the training images are made of.

    Attributes
    ----------
    micrographs : str
        Folder of real super-resolved images (``<structure>/<NN>.png``), relative to the configuration file;
        empty for simulated structures alone.
    micrograph_share : float
        Share of the fields cut from real images.
    kept_background : tuple of float
        Range of the share of a real image's slowly varying background that stays in it: see `cut_density`.
    even_light : bool
        Whether light that is the same all over a field of a real image stays in it: see `cut_density`.
    any_angle : bool
    stretch : float
    contrast : tuple of float
    overlaid_share : float
        How other specimens are made of a real image: see `Variety`.
    empty_share : float
        Share of the fields that hold nothing but background and noise, so that none is taken for structure.
    kinds : dict
        Relative frequency of each simulated kind.
    field : int
        Side of a simulated field, camera pixels; percentile normalisation sees the whole field.
    patch : int
        Side of a training patch, camera pixels.
    patches_per_field : int
        Patches cut from one field; the patches of a batch are from as many different fields.
    gain_jitter, offset_jitter : float
        Spread of the factor (as a logarithm) and the shift applied after normalisation: a patch of a real
        image is rarely as bright as the image's percentiles.
    """

    micrographs: str = ""
    micrograph_share: float = 0.35
    kept_background: tuple[float, float] = (0.0, 0.0)
    even_light: bool = True
    any_angle: bool = False
    stretch: float = 0.0
    contrast: tuple[float, float] = (1.0, 1.0)
    overlaid_share: float = 0.0
    empty_share: float = 0.0
    kinds: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 1.0))
    field: int = 136
    patch: int = 48
    patches_per_field: int = 8
    gain_jitter: float = 0.3
    offset_jitter: float = 0.03

    @property
    def variety(self) -> Variety | None:
        """How other specimens are made of a real image; None if they are not."""
        variety = Variety(self.any_angle, self.stretch, self.contrast, self.overlaid_share)
        return None if variety == Variety() else variety


@dataclass(frozen=True)
class OptimiserConfig:
    """How the weights are found.

    Attributes
    ----------
    cycles : tuple of int
        Training steps of each cycle; the learning rate falls to its end over each. Adding a cycle to a
        finished run continues it, to the same weights as if it had been there from the start.
    batch : int
        Patches in a batch.
    learning_rate, final_learning_rate : float
        Peak of the first cycle, and end of each.
    cycle_decay : float
        Factor on the peak from each cycle to the next.
    warmup : int
        Steps of linear rise at the start of a cycle.
    average : float
        Decay of the moving average of the weights, which is what is validated and exported.
    clip : float
        Greatest norm of the gradient.
    precision : str
        "float32", or "bfloat16" (autocast; the weights stay float32) on devices that are no slower in it.
    """

    cycles: tuple[int, ...] = (1000,)
    batch: int = 8
    learning_rate: float = 7e-4
    final_learning_rate: float = 1e-5
    cycle_decay: float = 0.5
    warmup: int = 200
    average: float = 0.999
    clip: float = 1.0
    precision: str = "float32"

    @property
    def steps(self) -> int:
        """Training steps in all."""
        return sum(self.cycles)


@dataclass(frozen=True)
class ScheduleConfig:
    """When to save and to validate, in steps; and how many sampling steps and draws validation uses."""

    checkpoint_every: int = 250
    validate_every: int = 1000
    log_every: int = 25
    sampling_steps: int = 8
    draws: int = 2


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that defines a training run; see the classes of its parts.

    Attributes
    ----------
    name : str
        Name of the model, and of the run's folder.
    seed : int
        Seed of the initial weights, the training images and the noise.
    description : str
        What the model is for, for its card.
    start_from : str
        Weights to start from instead of random ones, relative to the configuration file; a
        ``.safetensors`` of the same architecture.
    teachers : tuple of str
        Other models, relative to the configuration file. With them the mean network is not fitted to the
        targets but to the weighted mean of what they and the weights started from estimate: see `Teachers`.
    teachers_share : float
        The other models' weight in that mean, 0 to 1, divided among them evenly.
    """

    name: str
    seed: int = 0
    description: str = ""
    start_from: str = ""
    teachers: tuple[str, ...] = ()
    teachers_share: float = 0.5
    architecture: CVDMConfig = field(default_factory=CVDMConfig)
    objective: ObjectiveWeights = field(default_factory=ObjectiveWeights)
    acquisition: AcquisitionRanges = field(default_factory=AcquisitionRanges)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON-able values."""
        return asdict(self)

    def called(self, setting: str) -> str:
        """Return what the user knows a setting by, such as "optimiser.batch"."""
        return setting


_PARTS: dict[str, Any] = {
    part.name: part.default_factory for part in fields(TrainingConfig) if part.default_factory is not MISSING
}


def _build(kind: type[T], values: Any, where: str) -> T:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be a table of settings, not {values!r}")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        raise ConfigError(f"unknown setting {unknown[0]!r} in {where}; it knows {', '.join(sorted(known))}")
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    for name, value in settings.items():
        default = known[name].default
        if default is not MISSING and not _is_like(default, value):
            raise ConfigError(f"{name} in {where} must be like {default!r}, not {value!r}")
    try:
        return kind(**settings)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def _is_like(default: object, value: object) -> bool:
    """Whether a value has the type of a default; whole numbers serve as real ones."""
    if isinstance(default, tuple):
        if not isinstance(value, tuple):
            return False
        # Ranges are pairs of real numbers; lists of whole numbers have any length, and those of names may
        # be empty.
        first = default[0] if default else ""
        paired = isinstance(first, float)
        right = all(_is_like(first, each) for each in value)
        return right and (len(value) == 2 and value[0] <= value[1] if paired else True)
    if isinstance(default, bool) or isinstance(value, bool):
        return type(default) is type(value)
    return isinstance(value, int | float) if isinstance(default, float) else isinstance(value, type(default))


def parse_config(values: Mapping[str, Any]) -> TrainingConfig:
    """Build a configuration from nested tables.

    Raises
    ------
    ConfigError
        If a setting is unknown, missing, of the wrong type or out of range.
    """
    parts = {
        key: _build(_PARTS[key], value, f"[{key}]") if key in _PARTS else value
        for key, value in values.items()
    }
    config = _build(TrainingConfig, parts, "the configuration")
    for message, holds in requirements(config):
        if not holds:
            raise ConfigError(message)
    return config


def load_config(path: Path) -> TrainingConfig:
    """Read a TOML file.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or does not describe a training run.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"no training configuration at {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    return parse_config(values)
