"""A fresh machine without any network restores an image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import socket, sys

def forbidden(*arguments, **named):
    raise AssertionError(f"the network was touched: {arguments}")

for name in ("connect", "connect_ex", "bind", "sendto"):
    setattr(socket.socket, name, forbidden)
for name in ("create_connection", "getaddrinfo", "gethostbyname"):
    setattr(socket, name, forbidden)

import numpy as np
import napari_cvdm as cvdm

model = cvdm.load_model()
image = np.random.default_rng(0).poisson(100, (48, 40)).astype(np.uint16)
result = cvdm.restore(image, model, axes="YX", pixel_size=65.0, draws=2, steps=1, device="cpu")
assert result.mean.shape == result.std.shape == (96, 80)
assert np.isfinite(result.mean).all() and (result.std > 0).all()
assert [m.location for m in cvdm.list_models() if m.is_default] == ["bundled"]
"""


@pytest.mark.parametrize("base", [None, "https://models.invalid"])
def test_a_fresh_machine_without_network_restores_an_image(
    base: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "fresh"))
    for variable in ("NAPARI_CVDM_CACHE", "NAPARI_CVDM_ADDED", "NAPARI_CVDM_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    if base is not None:
        monkeypatch.setenv("NAPARI_CVDM_BASE_URL", base)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stderr
    assert not (tmp_path / "fresh" / "napari-cvdm").exists()  # nothing was written either
