"""Torch is loaded smoothly, and leaves the process as it was."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from napari_cvdm.plugin.viewer import torch_loading


def _run(code: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_libraries_are_in_memory_before_the_import():
    code = """
import ctypes, importlib.util, os, pathlib, sys
from napari_cvdm.plugin.viewer.torch_loading import _preload
_preload()
folder = pathlib.Path(importlib.util.find_spec("torch").origin).with_name("lib")
(library,) = folder.glob("*torch_cpu.*")
if os.name == "posix":
    ctypes.CDLL(str(library), mode=os.RTLD_NOLOAD | os.RTLD_NOW)  # fails unless it is loaded already
print("torch" in sys.modules)
"""
    assert _run(code) == ["False"]


def test_torch_works_and_the_process_is_as_it_was():
    code = """
import gc, os, sys, threading
from napari_cvdm.plugin.viewer.garbage import are_objects_frozen
from napari_cvdm.plugin.viewer.torch_loading import load_torch
thread = threading.Thread(target=load_torch)
thread.start(); thread.join()
import torch
print(float(torch.nn.functional.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)).sum()))
print(os.environ.get("OMP_WAIT_POLICY"), gc.isenabled(), are_objects_frozen())
"""
    assert _run(code) == ["36.0", "None", "True", "False"]


def test_the_user_s_own_wait_policy_is_kept():
    code = """
import os
from napari_cvdm.plugin.viewer.torch_loading import load_torch
load_torch()
print(os.environ["OMP_WAIT_POLICY"])
"""
    assert _run(code, OMP_WAIT_POLICY="ACTIVE") == ["ACTIVE"]


def test_waiting_threads_are_told_to_sleep(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with torch_loading._waiting_threads_that_sleep():
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert "OMP_WAIT_POLICY" not in os.environ


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_resumed_as_it_was(enabled):
    was_enabled = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        with torch_loading._no_garbage_collection():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        gc.enable() if was_enabled else gc.disable()


@pytest.mark.parametrize("missing", [None, "namespace"])
def test_a_torch_that_cannot_be_found_is_left_to_the_import(monkeypatch, missing):
    spec = None if missing is None else type("Spec", (), {"origin": None})()
    monkeypatch.setattr(torch_loading.importlib.util, "find_spec", lambda name: spec)
    torch_loading._preload()  # does nothing, and above all does not raise
