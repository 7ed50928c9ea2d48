"""Hostile places for results, for ``napari-cvdm restore``: `make` gives what follows ``-o``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.hostile.case import Case
from tests.hostile.file_cases import good


def output_cases() -> list[Case]:
    """Every hostile place for results, beside a good ``good.tif`` in the same folder."""
    return list(_places())


def _places() -> Iterator[Case]:
    for name, outcome in (
        ("result.ome.tif", "restored"), ("sub/folder/result.ome.tif", "restored"), ("folder", "restored"),
        ("a name.tif", "restored"), ("r" * 300 + ".tif", "refused"), ("good.tif", "refused"),
        ("result.png", "refused"), ("good.tif/result.ome.tif", "refused"),
        ("a/../result.ome.tif", "restored"),
    ):  # fmt: skip
        yield Case(f"output {name[:40]}", partial(_below, name), outcome)  # type: ignore[arg-type]
    yield Case("output exists", _existing, "refused", words="exists")
    yield Case("uncertainty exists", _existing_uncertainty, "refused", words="exists")
    yield Case(
        "output on a file system that is read-only", lambda folder: Path("/proc/cvdm.ome.tif"), "refused"
    )
    yield Case("output is a device", lambda folder: Path("/dev/null"), "refused")
    yield Case("output in a folder without leave to write", _locked, "refused")
    yield Case(
        "the disk fills up", partial(_below, "full.ome.tif"), "refused", {"full": True}, "full.ome.tif"
    )


def _below(name: str, folder: Path) -> Path:
    return folder / name


def _existing(folder: Path) -> Path:
    return good(folder, "there.ome.tif")


def _existing_uncertainty(folder: Path) -> Path:
    good(folder, "there_uncertainty.ome.tif")
    return folder / "there.ome.tif"


def _locked(folder: Path) -> Path:
    (folder / "locked").mkdir(mode=0o555)
    return folder / "locked" / "result.ome.tif"
