"""Hostile files and places through ``napari-cvdm restore``: a right result or one line, nothing left over."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from napari_cvdm.cli import main
from napari_cvdm.cli.opening import open_image
from napari_cvdm.files.tiff import read_tiff
from tests.hostile.case import Case, files_in, is_one_clear_sentence
from tests.hostile.file_cases import file_cases, good
from tests.hostile.ome_cases import ome_cases
from tests.hostile.outputs import output_cases
from tests.hostile.tiff_cases import tiff_cases
from tests.hostile.zarr_cases import zarr_cases
from tests.hostile.zarr_descriptions import zarr_description_cases

MOST_MEMORY = 300 * 2**20
"""What a file that promises too much may take before it is refused, bytes."""

Command = Callable[[Path, Path], tuple[int, str]]


@pytest.fixture
def restore(model_file: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command; give its exit code and the last line on stderr."""

    def run(source: Path, output: Path) -> tuple[int, str]:
        options = ["--model", str(model_file), "--draws", "1", "--steps", "1", "--device", "cpu"]
        code = main(["restore", *options, "-o", str(output), "--", str(source)])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        if code:
            assert said.out == ""
        return code, said.err.strip().splitlines()[-1] if said.err.strip() else ""

    return run


def fingerprint(path: Path) -> str | None:
    """What tells whether anybody wrote to a file, or to any of a folder."""
    parts = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    found = [part.read_bytes() for part in parts if part.is_file() and part.stat().st_size]
    return hashlib.sha256(b"".join(found)).hexdigest() if found else None


def assert_clear(code: int, line: str, case: Case) -> None:
    assert code == 2
    assert line.startswith("napari-cvdm: ")
    assert is_one_clear_sentence(line.removeprefix("napari-cvdm: ")), line
    assert re.search(case.words, line), line


ALL = [*file_cases(), *tiff_cases(), *ome_cases(), *zarr_cases(), *zarr_description_cases()]


@pytest.mark.filterwarnings("ignore:.*stored chunk shape:UserWarning")
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_a_file_ends_well(case: Case, tmp_path: Path, restore: Command) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    source = case.make(folder=inputs) if not _takes_height(case) else case.make(inputs)
    before, contents = fingerprint(source), files_in(inputs)
    with memory_watched(case):
        code, line = restore(source, tmp_path / "results" / "result.ome.tif")
    if case.outcome == "refused" or (case.outcome == "either" and code):
        assert_clear(code, line, case)
        assert not (tmp_path / "results").exists()
    else:
        assert code == 0, line
        results = tmp_path / "results"
        assert files_in(results) == {"result.ome.tif", "result_uncertainty.ome.tif"}
        image, result = open_image(source), read_tiff(results / "result.ome.tif")
        assert sorted(result.data.squeeze().shape)[-2:] == sorted(
            2 * n for n in _plane(image.data.shape, image.axes)
        )
        assert np.isfinite(result.data).all()
        if "nm" in case.settings:
            size = case.settings["nm"]
            assert result.pixel_size == (None if size is None else pytest.approx(size / 2))
    assert fingerprint(source) == before
    assert files_in(inputs) == contents


@contextmanager
def memory_watched(case: Case) -> Iterator[None]:
    """Where a file promises more than a memory holds, see that nothing of the kind is asked for."""
    if "bomb" not in case.settings:
        yield
        return
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def _takes_height(case: Case) -> bool:
    return case.name.startswith("OME pixel size")


def _plane(shape: tuple[int, ...], axes: str) -> list[int]:
    return [shape[axes.index(letter)] for letter in "YX"]


@pytest.mark.parametrize("case", output_cases(), ids=lambda case: case.name)
def test_a_place_ends_well(
    case: Case, tmp_path: Path, restore: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = good(tmp_path)
    output = case.make(tmp_path)
    if case.name == "output in a folder without leave to write" and os.access(output.parent, os.W_OK):
        # The administrator may write everywhere: refuse as the system refuses others.
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != output.parent)
    if "full" in case.settings:
        monkeypatch.setattr(os, "fsync", _no_space)
    before, contents = fingerprint(source), files_in(tmp_path)
    code, line = restore(source, output)
    if case.outcome == "refused":
        assert_clear(code, line, case)
        assert files_in(tmp_path) == contents
    else:
        assert code == 0, line
        assert len(files_in(tmp_path) - contents) == 2
    assert fingerprint(source) == before


def _no_space(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
