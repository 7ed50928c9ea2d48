"""Loading torch without making the viewer stall."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared

#: The first pulls in what torch wants to be visible to all other libraries, the second all the rest of torch.
_LIBRARIES = ("torch_global_deps", "torch_python")


def load_torch() -> None:
    """Import torch in a worker thread while the main thread stays responsive.

    Python holds its global lock while it loads a compiled module, and torch's libraries take a good quarter
    of a second to load, during which the viewer would stand still. A function called through ctypes, however,
    runs without the lock. So the system's loader is asked by way of ctypes to load these libraries first; the
    import then finds them in memory. Should that fail, only smoothness is lost: the import loads them itself.
    """
    if "torch" in sys.modules:
        return
    with _waiting_threads_that_sleep(), _no_garbage_collection():
        if os.name == "posix":
            _preload()
        import torch  # noqa: F401


@contextmanager
def _waiting_threads_that_sleep() -> Iterator[None]:
    """Have OpenMP's threads sleep while they wait for each other, instead of spinning on their cores.

    In a viewer the cores are not torch's alone. A thread that spins for one that has been put aside keeps
    both cores busy for nothing: beside another program on two cores, a restoration was seen to take ten times
    as long. OpenMP reads the variable when it is loaded, so it need not stay set.
    """
    if "OMP_WAIT_POLICY" in os.environ:
        yield
        return
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    try:
        yield
    finally:
        del os.environ["OMP_WAIT_POLICY"]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Avoid the collections that so many new objects bring about: each stops all threads for 0.2 s."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # This moves the new objects to the oldest generation without a look at them. They are modules and
        # classes, which stay for good; counted as young, they would soon bring the full collection about.
        OldObjectsSpared().release()
        if enabled:
            gc.enable()


def _preload() -> None:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).with_name("lib")
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes = (ctypes.c_char_p, ctypes.c_int)
    dlopen.restype = ctypes.c_void_p
    for library, visibility in zip(_LIBRARIES, (os.RTLD_GLOBAL, os.RTLD_LOCAL), strict=True):
        path = folder / f"lib{library}{suffix}"
        if path.is_file():
            dlopen(os.fsencode(path), os.RTLD_NOW | visibility)
