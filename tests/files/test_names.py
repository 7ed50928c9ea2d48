"""Endings of two parts are taken as a whole, and in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import napari_cvdm
from napari_cvdm.files.names import TIFF_ENDINGS, ZARR_ENDINGS, stem_of, without_ending


def test_a_stem_lacks_the_whole_ending() -> None:
    assert [stem_of(Path(name)) for name in ("x/a.b.ome.TIFF", "a.zarr", "a")] == ["a.b", "a", "a"]
    assert stem_of(Path("a.b.zarr"), (".b.zarr",)) == "a"


@pytest.mark.parametrize(
    ("name", "stem"), [("a.OME.zarr", "a"), ("a.b.zarr", "a.b"), ("v1.2", "v1.2"), (".zarr", "")]
)
def test_only_an_ending_that_is_known_is_taken_off(name: str, stem: str) -> None:
    assert without_ending(name, ZARR_ENDINGS) == stem


@pytest.mark.parametrize("endings", [TIFF_ENDINGS, ZARR_ENDINGS])
def test_they_are_written_down_once(endings: tuple[str, ...]) -> None:
    listed = re.compile(r"\(\s*" + r",\s*".join(re.escape(f'"{ending}"') for ending in endings) + r",?\s*\)")
    source = Path(napari_cvdm.__file__).parent
    found = [path.name for path in source.rglob("*.py") if listed.search(path.read_text(encoding="utf-8"))]
    assert found == ["names.py"]
