"""How networks run on a processor: number format, threads and memory layout.

Where they run, and how large their tiles are, is decided in `device`.
"""

from __future__ import annotations

import copy
import math
import os
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.restoration.banded import run_in_bands

T = TypeVar("T")

SINGLE = "float32"
HALF = "float16 in the noise network, else float32"
HALF_BUT_OUTGROWN = "float16 in the noise network but for draws that outgrew it, else float32"

#: First generation of NVIDIA's processors (Volta) whose tensor cores make half precision pay.
TENSOR_CORES = (7, 0)
#: Types of devices that a caller may have set an autocast for.
_KINDS = ("cpu", "cuda", "mps")
#: Where Linux says how much of the processors a container or a cluster job may use: version 2, then 1.
CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")
CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
CGROUP_PERIOD = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")

_switching = threading.Lock()
_inside: list[ExitStack] = []  # one for each that is inside; the first gives the caller its TF32 back


def prepared_copy(network: CVDM, device: torch.device, checkpoint: Callable[[], None] = lambda: None) -> CVDM:
    """Copy a network to a device, for inference, in the memory layout that convolutions are fastest in.

    A copy, because the network given may be in use elsewhere: being trained, or by another run on another
    device. On a CPU it works in bands, and calls `checkpoint` before each; a GPU has no use for them.
    """
    prepared = copy.deepcopy(network).to(device=device, dtype=torch.float32)
    # torch's annotations lack the call with a memory format alone.
    prepared.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    prepared.eval().requires_grad_(False)
    if device.type == "cpu":
        run_in_bands(prepared, checkpoint)
    return prepared


@contextmanager
def plain_inference() -> Iterator[None]:
    """Compute without gradients and in the formats of the tensors: a caller's autocast changes no pixel.

    Nor do the 10 bits of mantissa (TF32) to which newer NVIDIA cards round what goes into a convolution of
    float32, unless they are told not to.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        stack.enter_context(_full_single_precision())
        for kind in _KINDS:
            stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def _full_single_precision() -> Iterator[None]:
    """Keep NVIDIA's libraries from TF32 while any thread is in here: the switches are the whole process's."""
    with _switching:
        _inside.append(ExitStack() if _inside else _switch_tf32_off())
    try:
        yield
    finally:
        with _switching:
            _inside.pop().close()


def _switch_tf32_off() -> ExitStack:
    """Switch it off where it is on; to close what is returned switches it on again."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    settings: list[tuple[Any, str, Any]] = [(cudnn, "allow_tf32", False), (matmul, "allow_tf32", False)]
    # Since torch 2.9 there is a switch for each kind of operation as well. Once a program has used those, the
    # older ones cannot be read, or have no effect.
    newer = "tf32" in (getattr(each, "fp32_precision", None) for each in (torch.backends, cudnn))
    try:
        states = [getattr(switch, name) for switch, name, _ in settings]
    except RuntimeError:
        newer = True
    if newer:
        settings = [(each, "fp32_precision", "ieee") for each in (cudnn.conv, matmul)]  # type: ignore[attr-defined]
        states = [getattr(switch, name) for switch, name, _ in settings]
    undo = ExitStack()
    for (switch, name, off), state in zip(settings, states, strict=True):
        if state in (True, "tf32"):
            setattr(switch, name, off)
            undo.callback(setattr, switch, name, state)
    return undo


@contextmanager
def threads_given_back() -> Iterator[None]:
    """Leave the caller the number of torch's threads it had: `fit_threads` may lower it meanwhile."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def in_inference_mode(sampler: Iterator[T]) -> Generator[None, None, T]:
    """Take every step of a sampler in `plain_inference`, yield outside it after each, return the last state.

    A generator that held the mode while it waits would have its caller run in it as well.
    """
    state: T | None = None
    while True:
        with plain_inference():
            try:
                state = next(sampler)
            except StopIteration:
                break
        yield
    assert state is not None  # check_request() lets no draw have too few steps
    return state


class Precision:
    """The number format of the noise network's convolutions on one device.

    Half precision where there are tensor cores, as an autocast, which leaves the sampler's own arithmetic
    alone: 11 bits of mantissa change the mean and standard deviation of two draws by one or two
    ten-thousandths of the range, as a test shows, and of more draws by less. Single precision everywhere
    else. bfloat16 has too few bits, and Apple's MPS gains little.

    Parameters
    ----------
    device : torch.device
        Where the network runs.

    Attributes
    ----------
    half : bool
        Whether half precision is in use.
    outgrown : bool
        Whether the numbers of a draw have outgrown it, which then went on in single precision.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.half = device.type == "cuda" and torch.cuda.get_device_capability(device) >= TENSOR_CORES
        self.outgrown = False

    @property
    def name(self) -> str:
        """What the provenance says."""
        if not self.half:
            return SINGLE
        return HALF_BUT_OUTGROWN if self.outgrown else HALF

    def for_draw(self) -> Callable[..., Tensor]:
        """Return what evaluates a network, given it and its inputs, in the passes of one draw.

        Once half precision does not hold its numbers, that pass is done again in single precision, and so are
        those after it. The next draw begins anew: its pixels must not depend on what was drawn before.
        """
        half = self.half

        def run(network: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
            nonlocal half
            if half:
                with torch.autocast(self._device.type, dtype=torch.float16):
                    output = network(*inputs)
                if bool(torch.isfinite(output).all()):
                    return output
                half, self.outgrown = False, True
            return network(*inputs)

        return run


def precision_elsewhere(device: str) -> str:
    """Say what the provenance can of the number format on a device of a worker, which is yet to be found."""
    if device.partition(":")[0] in ("auto", "cuda"):
        return f"{HALF_BUT_OUTGROWN}, on GPUs with tensor cores; {SINGLE} elsewhere"
    return SINGLE


def available_cores() -> int:
    """How many cores this process may use, by its affinity and by its container's or job's share."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    quota = _cgroup_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def fit_threads() -> int:
    """Let torch use no more threads than there are cores for it; return how many it uses.

    Threads beyond that wait for each other in every convolution, which costs far more than they bring. Fewer
    are left as they are: the user or the scheduler wanted it so.
    """
    cores = available_cores()
    if torch.get_num_threads() > cores:
        torch.set_num_threads(cores)
    return torch.get_num_threads()


def _cgroup_quota() -> float | None:
    """Cores that the process's group may keep busy on average; None without a limit."""
    try:
        if CGROUP_LIMIT.is_file():
            quota, period = CGROUP_LIMIT.read_text().split()
        else:
            quota, period = (path.read_text().strip() for path in (CGROUP_QUOTA, CGROUP_PERIOD))
        share = float(quota) / float(period)  # "max" is no number
    except (OSError, ValueError, ZeroDivisionError):
        return None
    return share if share > 0 else None
