"""What the values of a training configuration must be, beyond having the right type.

Each requirement is a pair: the words to say if it is not met, and whether it is. They come in the order in
which they can be asked, so that one may rely on those before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from napari_cvdm.cvdm.networks import INITIAL_RATE
from napari_cvdm.cvdm.schedule import FIXED_SCHEDULES
from napari_cvdm.models.card import check_name
from napari_cvdm.models.errors import ModelError
from napari_cvdm.simulation.pairs import KINDS

if TYPE_CHECKING:
    from napari_cvdm.cvdm.model import CVDMConfig
    from napari_cvdm.simulation.ranges import AcquisitionRanges
    from napari_cvdm.training.config import DataConfig, OptimiserConfig, ScheduleConfig, TrainingConfig

Requirement = tuple[str, bool]


def requirements(config: TrainingConfig) -> Iterator[Requirement]:
    """Yield what a configuration must satisfy, as words to say otherwise and whether it does.

    They are to be asked one by one, and no further than the first that is not met.
    """
    yield from _of_the_run(config)
    yield from _of_the_architecture(config.architecture)
    yield from _of_the_data(config.data, config.architecture)
    yield from _of_the_acquisition(config.acquisition)
    yield from _of_the_kinds(config.data.kinds)
    yield from _of_the_optimiser(config.optimiser, config.data)
    yield from _of_the_schedule(config.schedule)


def _of_the_run(config: TrainingConfig) -> Iterator[Requirement]:
    try:
        check_name(config.name)
    except ModelError as error:
        yield str(error), False
    yield "seed must lie between 0 and 2⁶⁴ − 1", 0 <= config.seed < 2**64  # as torch takes it
    yield "teachers_share must lie between 0 and 1", 0 <= config.teachers_share <= 1
    yield "teachers need start_from", bool(config.start_from or not config.teachers)


def _of_the_architecture(net: CVDMConfig) -> Iterator[Requirement]:
    yield "[architecture] upscaling must be 2, as the simulator makes it", net.upscaling == 2
    for name in ("mean", "noise"):
        widths, blocks = getattr(net, f"{name}_widths"), getattr(net, f"{name}_blocks")
        yield (
            f"[architecture] {name}_widths and {name}_blocks must be positive and equally many",
            len(widths) == len(blocks) > 0 and min(widths) > 0 and min(blocks) >= 0,
        )
    for name in ("scale_width", "rate_width", "clock_units"):
        yield f"[architecture] {name} must be positive", getattr(net, name) > 0
    yield "[architecture] scale_floor must not be negative", net.scale_floor >= 0
    shapes = ("learned", *FIXED_SCHEDULES)
    yield f"[architecture] schedule must be one of {', '.join(shapes)}", net.schedule in shapes
    low, high = net.rate_bounds
    yield (
        f"[architecture] rate_bounds must be positive and, of a learned schedule, enclose {INITIAL_RATE:g}",
        low > 0 and (net.schedule != "learned" or low < INITIAL_RATE < high),
    )


def _of_the_data(data: DataConfig, net: CVDMConfig) -> Iterator[Requirement]:
    grain = 2 ** (max(len(net.mean_widths), len(net.noise_widths)) - 1)
    yield (
        f"[data] patch must be a multiple of {grain} and at most as large as field",
        data.patch % grain == 0 and 0 < data.patch <= data.field,
    )
    yield "[data] patches_per_field must be positive", data.patches_per_field > 0
    yield from _are_shares("data", data, "micrograph_share", "overlaid_share", "empty_share")
    yield (
        "[data] kept_background must be a range between 0 and 1",
        data.kept_background[0] >= 0 and data.kept_background[1] <= 1,
    )
    for name in ("stretch", "gain_jitter", "offset_jitter"):
        yield f"[data] {name} must not be negative", getattr(data, name) >= 0
    yield "[data] contrast must be a range of positive numbers", data.contrast[0] > 0


def _of_the_acquisition(ranges: AcquisitionRanges) -> Iterator[Requirement]:
    shares = ("thick_share", "aberrated_share", "halo_share", "disc_share")
    yield from _are_shares("acquisition", ranges, *shares)
    for name in ("psf_sigma", "photons", "haze_sigma"):  # drawn evenly in their logarithm
        yield f"[acquisition] {name} must be a range of positive numbers", getattr(ranges, name)[0] > 0
    yield "[acquisition] read_noise must not be negative", ranges.read_noise[0] >= 0


def _of_the_kinds(kinds: Mapping[str, float]) -> Iterator[Requirement]:
    yield "[data] kinds must be a table of frequencies", isinstance(kinds, Mapping)
    yield f"[data] kinds must be among {', '.join(KINDS)}", bool(kinds) and set(kinds) <= set(KINDS)
    shares = list(kinds.values())
    yield (
        "[data] the frequencies of kinds must not be negative, nor all zero",
        all(_is_real(share) and share >= 0 for share in shares) and sum(shares) > 0,
    )


def _of_the_optimiser(optimiser: OptimiserConfig, data: DataConfig) -> Iterator[Requirement]:
    yield (
        "[optimiser] cycles and batch must be positive",
        bool(optimiser.cycles) and min(optimiser.cycles) > 0 and optimiser.batch > 0,
    )
    yield (
        "[optimiser] batch must not exceed patches_per_field, or be a multiple of it",
        optimiser.batch <= data.patches_per_field or optimiser.batch % data.patches_per_field == 0,
    )
    yield (
        "[optimiser] learning_rate and clip must be positive",  # a negative norm turns the gradient round
        optimiser.learning_rate > 0 and optimiser.clip > 0,
    )
    yield (
        "[optimiser] final_learning_rate, cycle_decay and warmup must not be negative",
        min(optimiser.final_learning_rate, optimiser.cycle_decay, optimiser.warmup) >= 0,
    )
    yield "[optimiser] average must lie between 0 and 1", 0 <= optimiser.average <= 1
    yield (
        "[optimiser] precision must be float32 or bfloat16",
        optimiser.precision in ("float32", "bfloat16"),
    )


def _of_the_schedule(every: ScheduleConfig) -> Iterator[Requirement]:
    numbers = (
        every.checkpoint_every, every.validate_every, every.log_every, every.sampling_steps, every.draws,
    )  # fmt: skip
    yield "[schedule] every number must be positive", min(numbers) > 0


def _are_shares(where: str, part: DataConfig | AcquisitionRanges, *names: str) -> Iterator[Requirement]:
    for name in names:
        yield f"[{where}] {name} must lie between 0 and 1", 0 <= getattr(part, name) <= 1


def _is_real(value: object) -> bool:
    """Whether a value of a table, whose types nobody has looked at, is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
