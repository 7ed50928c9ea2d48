"""Whoever has no GPU at work is told how to get one to work, on their very system."""

from __future__ import annotations

import pytest
import torch

from napari_cvdm.plugin.running import gpu_hint as module
from napari_cvdm.plugin.running.gpu_hint import gpu_hint


@pytest.fixture
def machine(monkeypatch):
    def machine(system: str, processor: str = "x86_64", cuda: str | None = None, found: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        monkeypatch.setattr(module.platform, "system", lambda: system)
        monkeypatch.setattr(module.platform, "machine", lambda: processor)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(torch.version, "hip", None)

    return machine


def test_nothing_is_said_where_there_is_one(machine):
    machine("Linux", cuda="12.6", found=True)
    assert gpu_hint() is None


@pytest.mark.parametrize("system", ["Linux", "Windows"])
def test_a_build_for_cpus_is_to_be_replaced(machine, system):
    machine(system)
    hint = gpu_hint()
    assert "pytorch.org/get-started" in hint
    assert system in hint
    assert "--force-reinstall" in hint


def test_a_build_for_gpus_lacks_a_driver(machine):
    machine("Linux", cuda="12.6")
    assert "nvidia-smi" in gpu_hint()


def test_macs_are_told_what_they_can_do(machine):
    machine("Darwin", "arm64")
    assert "macOS" in gpu_hint()
    machine("Darwin", "x86_64")
    assert "Intel" in gpu_hint()
