"""A network small enough to be written and read in a moment, empty folders, and servers that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, save_model
from napari_cvdm.models import store as store_module
from napari_cvdm.models import upkeep as upkeep_module
from napari_cvdm.models.hashes import file_sha256
from napari_cvdm.models.registry import Registry, RegistryEntry, write_registry

TINY = CVDMConfig(
    mean_widths=(4, 8),
    mean_blocks=(1, 1),
    noise_widths=(4, 8),
    noise_blocks=(1, 1),
    scale_width=4,
    rate_width=4,
    clock_units=4,
)

Answer = Callable[[socket.socket, int], None]
RawServer = Callable[[Answer], str]


class Cancelled(Exception):
    """What a display raises to stop a transfer."""


class CancellingDisplay:
    total = 0

    def update(self, amount: int) -> None:
        raise Cancelled

    def reset(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def network() -> CVDM:
    torch.manual_seed(0)
    network = CVDM(TINY)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    return network


@pytest.fixture
def make_card() -> Callable[..., ModelCard]:
    def make(**changes: Any) -> ModelCard:
        values: dict[str, Any] = {
            "name": "tiny",
            "description": "A tiny network for tests.",
            "architecture": TINY.to_dict(),
            "upscaling": 2,
            "default_steps": 3,
            "training": {"steps": 0},
            "ranges": {"photons": [10.0, 1000.0]},
            "calibration": {"kind": "monotone", "stated": [1.0], "actual": [1.5]},
            "pixel_size_nm": (40.0, 110.0),
            "citations": ("arXiv:2312.02246",),
        }
        return ModelCard(**{**values, **changes})

    return make


@pytest.fixture
def weights(tmp_path: Path, network: CVDM, make_card: Callable[..., ModelCard]) -> Path:
    """A valid model file, outside the cache."""
    return save_model(tmp_path / "files" / "tiny.safetensors", network, make_card())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, an empty package folder, no settings, no proxy, and nothing in memory."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NAPARI_CVDM_CACHE", str(folder))
    for name in ("NAPARI_CVDM_BASE_URL", "NAPARI_CVDM_ADDED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "site-settings"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(store_module, "BUNDLED_FOLDER", tmp_path / "bundled")
    monkeypatch.setattr(upkeep_module, "BUNDLED_FOLDER", tmp_path / "bundled")
    monkeypatch.setattr(store_module, "_loaded", {})
    return folder


@pytest.fixture
def publish(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RegistryEntry]:
    """Make 'tiny', at the addresses given, the default among the published models, and the only one."""

    def make(*urls: str, name: str = "tiny") -> RegistryEntry:
        entry = RegistryEntry(
            name=name,
            summary="For tests.",
            file=f"{name}.safetensors",
            size=weights.stat().st_size,
            sha256=file_sha256(weights),
            licence="BSD-3-Clause",
            urls=urls,
        )
        write_registry(Registry({name: entry}, default=name), tmp_path / "registry.json")
        monkeypatch.setattr("napari_cvdm.models.registry.REGISTRY_FILE", tmp_path / "registry.json")
        return entry

    return make


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_cvdm.models.download.WAITS_SECONDS", (0.0, 0.0))


@pytest.fixture
def raw_server() -> Iterator[Callable[[Answer], str]]:
    """Start servers whose every byte a test decides: what no server library would do.

    Each is a function of the connection, after the request was read, and of the number of the connection,
    from 0. The connection is closed when the function returns.
    """
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(answer: Answer) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(0.05)
        listeners.append(listener)

        def serve() -> None:
            number = 0
            while True:
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    if not running.is_set():
                        return
                    continue
                except OSError:
                    return
                with connection:
                    connection.settimeout(10)
                    try:
                        connection.recv(65536)
                        answer(connection, number)
                    except OSError:
                        pass  # the client has left
                number += 1

        thread = threading.Thread(target=serve)
        thread.start()
        threads.append(thread)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/tiny.safetensors"

    running = threading.Event()
    running.set()
    yield start
    running.clear()
    for thread in threads:
        thread.join(timeout=15)
    for listener in listeners:
        listener.close()
