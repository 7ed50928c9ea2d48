"""A tiny model, small images, and the command line as a shell runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.models import ModelCard, save_model

TINY = CVDMConfig(
    mean_widths=(4, 8),
    mean_blocks=(1, 1),
    noise_widths=(4, 8),
    noise_blocks=(1, 1),
    scale_width=4,
    rate_width=4,
    clock_units=4,
)

Shell = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    card = ModelCard(
        name="tiny",
        description="A tiny network for tests.",
        architecture=TINY.to_dict(),
        upscaling=2,
        default_steps=2,
        pixel_size_nm=(40.0, 110.0),
    )
    return save_model(tmp_path_factory.mktemp("weights") / "tiny.safetensors", CVDM(TINY), card)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A time series of two frames, with a pixel size."""
    data = np.random.default_rng(0).poisson(50, (2, 24, 32)).astype(np.uint16)
    (tmp_path / "in").mkdir()
    return write_ome_tiff(tmp_path / "in" / "cells.ome.tif", data, "TYX", 65.0, time_interval_s=0.5)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Start the program in a process of its own, in an empty folder, with its output in pipes."""
    folder = tmp_path / "shell"
    folder.mkdir()
    program = "import sys; from napari_cvdm.cli import main; sys.exit(main())"

    def start(*arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
