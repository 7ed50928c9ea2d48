"""Devices are offered without loading torch, and named by torch once it is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from napari_cvdm.plugin.running import devices

ALWAYS = [("Automatic", "auto"), ("CPU", "cpu")]


@pytest.fixture
def machine(monkeypatch, tmp_path: Path):
    """Make up a machine: its system, its driver, and the torch that is installed."""

    def make(
        version: str = "cuda = None", driver: bool = False, system: str = "linux", chip: str = "x86_64"
    ) -> None:
        (tmp_path / "version.py").write_text(f"__version__ = '2.9'\n{version}\n", encoding="utf-8")
        spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
        monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: spec)
        monkeypatch.setattr(devices, "_has_nvidia_driver", lambda: driver)
        monkeypatch.setattr(devices.sys, "platform", system)
        monkeypatch.setattr(devices.platform, "machine", lambda: chip)

    return make


@pytest.mark.parametrize(
    "version", ["cuda: Optional[str] = '12.8'", 'cuda = "12.8"', "hip: Optional[str] = '6.3'"]
)
def test_cuda_is_offered_to_a_cuda_build_with_a_driver(machine, version):
    machine(version, driver=True)
    assert devices.devices_offered() == [*ALWAYS, ("GPU (CUDA)", "cuda")]
    machine(version, driver=False)
    assert devices.devices_offered() == ALWAYS


@pytest.mark.parametrize("version", ["cuda: Optional[str] = None", "", "hip = None"])
def test_cuda_is_not_offered_to_a_cpu_build(machine, version):
    machine(version, driver=True)
    assert devices.devices_offered() == ALWAYS


def test_a_driver_is_looked_for_where_the_system_keeps_it(monkeypatch):
    for system, found in (("win32", "nvcuda"), ("linux", "/dev/dxg"), ("linux", "/dev/kfd")):
        for there in (found, ""):
            with monkeypatch.context() as patch:
                patch.setattr(devices.sys, "platform", system)
                patch.setattr(devices, "find_library", {there: there}.get)
                patch.setattr(devices.Path, "exists", lambda path, there=there: str(path) == there)
                driver = devices._has_nvidia_driver()
            assert driver == bool(there)


def test_mps_is_offered_on_apple_silicon_only(machine):
    machine(system="darwin", chip="arm64")
    assert devices.devices_offered()[-1] == ("GPU (Apple MPS)", "mps")
    machine(system="darwin", chip="x86_64")
    assert devices.devices_offered() == ALWAYS


def test_without_torch_there_is_still_something_to_choose(monkeypatch):
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: None)
    assert devices.devices_offered()[:2] == ALWAYS


def test_offering_does_not_load_torch():
    code = (
        "import sys; from napari_cvdm.plugin.running.devices import devices_offered; devices_offered();"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_torch_finds_has_the_cards_names(monkeypatch):
    cards = ["NVIDIA A", "NVIDIA B"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(cards))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: cards[number])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert devices.devices_found() == [*ALWAYS, ("GPU: NVIDIA A", "cuda:0"), ("GPU: NVIDIA B", "cuda:1")]
    del cards[1]
    assert devices.devices_found() == [*ALWAYS, ("GPU: NVIDIA A", "cuda")]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.devices_found() == ALWAYS
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.devices_found() == [*ALWAYS, ("GPU (Apple MPS)", "mps")]


def test_a_driver_that_fails_is_no_reason_not_to_compute_on_the_cpu(monkeypatch):
    def fail(number):
        raise RuntimeError("CUDA driver initialization failed, you might not have a CUDA gpu.")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", fail)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert devices.devices_found() == ALWAYS
