"""A tiny model in a file, a stack, and its lazy restoration in many blocks."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.models import ModelCard, PretrainedModel, load_model, save_model
from napari_cvdm.restoration.lazy import LazyRestoration, restore_lazy

TINY = CVDMConfig(
    mean_widths=(4, 8), mean_blocks=(1, 1), noise_widths=(4, 8), noise_blocks=(1, 1), scale_width=4,
    rate_width=4, clock_units=4,
)  # fmt: skip


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> PretrainedModel:
    torch.manual_seed(0)
    network = CVDM(TINY)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.add_(0.15 * torch.randn_like(parameter))
    card = ModelCard(
        name="tiny", description="For tests.", architecture=TINY.to_dict(), upscaling=2, default_steps=2
    )
    return load_model(save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", network, card))


@pytest.fixture
def stack() -> NDArray[np.uint16]:
    """Two channels of 70 × 100 pixels."""
    return np.random.default_rng(0).poisson(60, (2, 70, 100)).astype(np.uint16)


@pytest.fixture
def lazy(tiny_model: PretrainedModel, stack: NDArray[np.uint16]) -> LazyRestoration:
    """In 2 × 2 × 3 blocks."""
    return restore_lazy(
        stack, tiny_model, axes="CYX", pixel_size=65.0, draws=2, steps=1, seed=3, device="cpu", block=32
    )


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its hash."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


Block = tuple[str, NDArray[Any]]
"""Frames of an image, and the name of the file that they lie in."""


def write_ome_set(
    folder: Path,
    images: Sequence[Sequence[Block]],
    *,
    with_uuids: bool = True,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    tiff_data: str = 'FirstT="{first}" IFD="{ifd}" PlaneCount="{count}"',
) -> None:
    """Write OME-TIFF files that each describe the images of all, as Micro-Manager and Bio-Formats do.

    Image ``i`` is a time series with pixels of ``100 * (i + 1)`` nm and one channel, ``channel i``.

    Parameters
    ----------
    folder : Path
        Where.
    images : sequence of sequence of (str, ndarray)
        Where the frames of each image lie.
    with_uuids : bool
        Whether each file says which it is. If not, it is known by its name only.
    options : mapping of str to mapping
        How to write a file.
    tiff_data : str
        The attributes of a block.
    """
    planes: dict[str, list[NDArray[Any]]] = {}
    described = ""
    for number, blocks in enumerate(images):
        height, width = blocks[0][1].shape[1:]
        inside, first = f'<Channel ID="Channel:{number}:0" Name="channel {number}"/>', 0
        for file, frames in blocks:
            pages = planes.setdefault(file, [])
            attributes = tiff_data.format(first=first, ifd=len(pages), count=len(frames))
            inside += f'<TiffData {attributes}><UUID FileName="{file}">urn:uuid:{file}</UUID></TiffData>'
            pages.extend(frames)
            first += len(frames)
        size = 100 * (number + 1)
        described += (
            f'<Image ID="Image:{number}" Name="position {number}"><Pixels ID="Pixels:{number}" '
            f'DimensionOrder="XYZCT" Type="uint16" SizeX="{width}" SizeY="{height}" SizeZ="1" SizeC="1" '
            f'SizeT="{first}" PhysicalSizeX="{size}" PhysicalSizeY="{size}" PhysicalSizeXUnit="nm" '
            f'PhysicalSizeYUnit="nm">{inside}</Pixels></Image>'
        )
    for file, pages in planes.items():
        uuid = f' UUID="urn:uuid:{file}"' if with_uuids else ""
        xml = f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{uuid}>{described}</OME>'
        how: dict[str, Any] = {"contiguous": True, **(options or {}).get(file, {})}
        with tifffile.TiffWriter(folder / file, byteorder=how.pop("byteorder", "<")) as tif:
            for i, page in enumerate(pages):
                tif.write(page, description=xml if i == 0 else None, metadata=None, **how)


def frames(seed: int, count: int = 3, height: int = 10, width: int = 14) -> NDArray[np.uint16]:
    """Frames of a time series, of noise."""
    return np.random.default_rng(seed).integers(0, 60_000, (count, height, width)).astype(np.uint16)


def write_micromanager(path: Path, last_frame: int = 1, beyond: int = 0) -> Path:
    """Write a stack of one page twice, as an index has it that lies before the page.

    The second time it is said to lie `beyond` where it is, as in a file that was cut off.
    """
    summary = json.dumps({"MicroManagerVersion": "2", "Frames": 2}).encode()
    index = 40 + len(summary)
    page = index + 8 + 2 * 20
    pixels = page + 162  # where Micro-Manager has them
    text = pixels + 72
    tags = [
        *((256, 4, 1, 9), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)),
        *((273, 4, 1, pixels), (277, 3, 1, 1), (278, 4, 1, 8), (279, 4, 1, 72), (51123, 2, 9, text)),
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    parts = (
        struct.pack("<2sHI8I", b"II", 42, page, 54773648, index, 0, 0, 0, 0, 2355492, len(summary)),
        summary,
        struct.pack("<2I5I5I", 3453623, 2, 0, 0, 0, 0, page, 0, 0, last_frame, 0, page + beyond),
        directory.ljust(162, b"\0"),
        bytes(range(72)),
        b'{"a": 1}\0'.ljust(200, b"\0"),
    )
    path.write_bytes(b"".join(parts))
    return path
