"""The model in a worker: loaded once per process, however many blocks it restores.

A block's task carries a `ModelReference`: a name, a path and a hash, but no weights. The first task in a
process loads the file and prepares the networks; those after it find them there. A model that is in no file,
such as one still being trained, travels itself.

All blocks of a process are computed in one and the same thread. Memory that a thread gives back is kept for
that thread (each has an arena of its own in the C library), so that blocks going round sixteen threads, be it
one after the other, would take the memory of sixteen.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch

from napari_cvdm.models.errors import ModelError
from napari_cvdm.restoration.device import choose_device
from napari_cvdm.restoration.engine import PlaneEngine, plane_engine
from napari_cvdm.restoration.posterior import PosteriorSettings

if TYPE_CHECKING:
    from collections.abc import Hashable

    from napari_cvdm.models import PretrainedModel

T = TypeVar("T")

_MOST_RESIDENT = 2  # prepared engines kept in a process
_IDLE_SECONDS = 60.0  # after which they are given up: far longer than from one block to the next

_lock = threading.Lock()
_starting = threading.Lock()
_queues: dict[int, SimpleQueue[Any]] = {}  # of the process with this number: a fork has no threads of its own
_engines: OrderedDict[Hashable, tuple[PlaneEngine, object]] = OrderedDict()
_checkpoints: list[Callable[[], None]] = []  # of whom an engine is lent to
_idle: list[threading.Timer] = []  # the one that is running, if any


@dataclass(frozen=True)
class ModelReference:
    """Where a worker finds a model.

    Attributes
    ----------
    name, sha256 : str
        Its name in the model store, and the hash of its file: another file of the same name is refused.
    path : str
        Its file, on the machine that asks for the restoration.
    """

    name: str
    sha256: str
    path: str


@dataclass(frozen=True)
class EngineSpec:
    """What a worker needs to set up its engine.

    Attributes
    ----------
    device, tile, settings
        As for `napari_cvdm.restore`; "auto" is decided by each worker for itself.
    weights : str
        Of a model that is in no file, and so may still change: what `fingerprint_of` says of its weights.
    """

    device: str
    tile: int | Literal["auto"]
    settings: PosteriorSettings
    weights: str = ""


def reference_to(model: PretrainedModel) -> ModelReference | PretrainedModel:
    """Return what to send to workers: a reference, or the model itself if its weights are in no file."""
    from napari_cvdm.models.weights import read_model

    if model.path is None or not model.path.is_file():
        return model
    try:
        stored = read_model(model.path, sha256=model.sha256).network
    except ModelError:  # the file has been replaced since
        return model
    # Whoever trains the network on, or a copy, has a model that still names the file its weights came from.
    # The file itself is read: that network is the one that `load_model` returns to everybody in this process.
    if fingerprint_of(stored) != fingerprint_of(model.network):
        return model
    return ModelReference(model.name, model.sha256, str(model.path.absolute()))


def fingerprint_of(network: torch.nn.Module) -> str:
    """Return 32 letters that are the same for the same weights."""
    digest = hashlib.blake2b(digest_size=16)
    for name, values in network.state_dict().items():
        digest.update(f"{name}{values.dtype}{tuple(values.shape)}".encode())
        digest.update(values.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load_referenced(reference: ModelReference) -> PretrainedModel:
    """Load the model that a reference means: from its path, or else from this machine's model store.

    Raises
    ------
    ModelError
        If neither has a file of that hash.
    """
    from napari_cvdm.models import load_model

    path = Path(reference.path)
    if path.is_file():
        return load_model(path, sha256=reference.sha256)
    try:
        model = load_model(reference.name)
    except ModelError as error:
        raise ModelError(
            f"This worker has no model '{reference.name}': neither {path} exists here nor is it in the model "
            "store. Put its file on a disk that all workers share, or add the model on each of them."
        ) from error
    if model.sha256 != reference.sha256:
        raise ModelError(
            f"The model '{reference.name}' of this worker is another one than was asked for (sha256 "
            f"{model.sha256[:12]} instead of {reference.sha256[:12]}). Install the same version everywhere."
        )
    return model


@contextmanager
def resident_engine(
    model: ModelReference | PretrainedModel,
    spec: EngineSpec,
    checkpoint: Callable[[], None] | None = None,
) -> Iterator[PlaneEngine]:
    """Lend this process's engine for a model to one thread at a time.

    One at a time, because one pass already uses all cores or the whole GPU; several at once would only take
    several times the memory.

    Parameters
    ----------
    model, spec
        The model, from `reference_to`; and where and how it is to run.
    checkpoint : callable, optional
        Called before and within every network pass while the engine is lent; may raise to cancel.

    Raises
    ------
    ModelError
        If the model cannot be found.
    DeviceError
        If the device is unknown or missing.
    """
    key = (model if isinstance(model, ModelReference) else id(model.network), spec)
    with _lock, _given_up_when_idle():
        if key not in _engines:
            loaded = load_referenced(model) if isinstance(model, ModelReference) else model
            device = choose_device(spec.device).device
            engine = plane_engine(loaded.network, device, spec.tile, spec.settings, _checked)
            # With the model that was given: while it is kept here, no other can have its id.
            _engines[key] = engine, model
            while len(_engines) > _MOST_RESIDENT:
                _engines.popitem(last=False)
        _engines.move_to_end(key)
        _checkpoints.append(checkpoint or (lambda: None))
        try:
            yield _engines[key][0]
        finally:
            _checkpoints.pop()


def _checked() -> None:
    _checkpoints[-1]()


@contextmanager
def _given_up_when_idle() -> Iterator[None]:
    """Put off the end of the engines while one is in use, and for a while after."""
    while _idle:
        _idle.pop().cancel()
    try:
        yield
    finally:
        timer = threading.Timer(_IDLE_SECONDS, _give_up)
        timer.args = (timer,)
        timer.daemon = True
        _idle.append(timer)
        timer.start()


def _give_up(timer: threading.Timer) -> None:
    with _lock:
        if timer in _idle:  # else an engine was lent before it was cancelled
            _idle.clear()
            _engines.clear()


def in_one_thread(work: Callable[[], T]) -> T:
    """Do some work in the thread of this process that does all such work; wait for the result.

    That is the main thread, if it is the one that calls: there, Ctrl-C ends the work. Else it is a thread in
    the background that does not keep the process from ending.
    """
    if threading.current_thread() is threading.main_thread():
        return work()
    with _starting:
        if os.getpid() not in _queues:
            _queues[os.getpid()] = SimpleQueue()
            threading.Thread(target=_serve, args=(_queues[os.getpid()],), daemon=True).start()
        jobs = _queues[os.getpid()]
    done: Future[T] = Future()
    jobs.put((work, done))
    return done.result()


def _serve(jobs: SimpleQueue[Any]) -> None:
    while True:
        _do(*jobs.get())


def _do(work: Callable[[], T], done: Future[T]) -> None:
    try:
        done.set_result(work())
    except BaseException as error:  # whatever it is, the caller is told
        done.set_exception(error)
