"""OME-Zarr folders whose arrays are damaged, lying, odd or malicious, for ``napari-cvdm restore``."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from tests.hostile.case import Case, Outcome, scene

PIXEL = 65.0  # nm, as `good_zarr` states it
PLANTED = "planted by a pickle"
"""A file that appears if somebody runs what is pickled in a chunk."""

AXES = [
    {"name": "t", "type": "time"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]


def zarr_cases() -> list[Case]:
    """Every hostile folder."""
    parts = (_kinds(), _chunks(), _arrays(), _codecs(), _bombs())
    return [case for part in parts for case in part]


def good_zarr(
    folder: Path, name: str = "good.zarr", *, version: str = "0.5", data: Any = None, **options: Any
) -> Path:
    """Write an image of two frames of 16 × 18 pixels in chunks of 8 × 9."""
    path = folder / name
    image = scene(2, 16, 18) if data is None else data
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    options = {"chunks": tuple(max(1, n // 2) for n in image.shape), **options}
    group.create_array("0", data=image, **options)
    _describe(path, version, multiscale())
    return path


def multiscale(**change: Any) -> dict[str, Any]:
    scale = [{"type": "scale", "scale": [1.0, PIXEL / 1000, PIXEL / 1000]}]
    return {"axes": AXES, "datasets": [{"path": "0", "coordinateTransformations": scale}], **change}


def _describe(path: Path, version: str, *multiscales: Any) -> None:
    group = zarr.open_group(path, mode="r+")
    ome = {"multiscales": list(multiscales)}
    group.attrs.update(ome if version == "0.4" else {"ome": ome | {"version": version}})


def _kinds() -> Iterator[Case]:
    big = scene(2, 16, 18).astype(">u2")
    made: dict[str, dict[str, Any]] = {
        "of version 0.4": {"version": "0.4"},
        "of version 0.5": {},
        "big-endian, version 0.4": {"version": "0.4", "data": big},
        "in one chunk": {"chunks": (2, 16, 18)},
        "in chunks of one pixel": {"chunks": (1, 1, 1)},
        "in chunks larger than the image": {"chunks": (50, 50, 50)},
        "in shards": {"chunks": (1, 8, 9), "shards": (2, 16, 18)},
        "in Fortran order, version 0.4": {"version": "0.4", "order": "F"},
        "of floats": {"data": scene(2, 16, 18, dtype=np.float32)},
    }
    for name, options in made.items():
        yield Case(f"zarr {name}", partial(good_zarr, **options), settings={"nm": PIXEL})
    for name, data in (
        ("complex numbers", scene(2, 16, 18).astype(np.complex64)),
        ("booleans", scene(2, 16, 18) > 100),
        ("NaN", np.where(scene(2, 16, 18) > 900, np.nan, 1.0)),
        ("one value", np.full((2, 16, 18), 7, np.uint16)),
        ("4 × 4 pixels", scene(2, 4, 4)),
    ):
        yield Case(f"zarr of {name}", partial(good_zarr, data=data), "refused")


def changed(change: Callable[[Path], None], folder: Path, **options: Any) -> Path:
    path = good_zarr(folder, **options)
    change(path)
    return path


def _chunk(path: Path) -> Path:
    """One chunk of an image of either version."""
    return next(p for p in sorted((path / "0").rglob("*")) if p.is_file() and p.name[0] not in "z.")


def _chunks() -> Iterator[Case]:
    def cut(path: Path) -> None:
        chunk = _chunk(path)
        chunk.write_bytes(chunk.read_bytes()[:7])

    def overwritten(path: Path) -> None:
        chunk = _chunk(path)
        chunk.write_bytes(b"\xa5" * chunk.stat().st_size)

    def emptied(path: Path) -> None:
        _chunk(path).write_bytes(b"")

    def folder_in_place(path: Path) -> None:
        chunk = _chunk(path)
        chunk.unlink()
        chunk.mkdir()

    def all_gone(path: Path) -> None:
        for each in [p for p in (path / "0").rglob("*") if p.is_file() and p.name[0] not in "z."]:
            each.unlink()

    def link_to_nowhere(path: Path) -> None:
        chunk = _chunk(path)
        chunk.unlink()
        chunk.symlink_to(path / "gone")

    def link_to_itself(path: Path) -> None:
        chunk = _chunk(path)
        chunk.unlink()
        chunk.symlink_to(chunk)

    damage = {
        "cut": cut,
        "overwritten": overwritten,
        "emptied": emptied,
        "that is a link to itself": link_to_itself,
    }
    for version in ("0.4", "0.5"):
        for name, change in damage.items():
            make = partial(changed, change, version=version)
            yield Case(f"zarr {version} with a chunk {name}", make, "refused")
        # What is not stored is empty by the rules of the format.
        make = partial(changed, folder_in_place, version=version)
        yield Case(f"zarr {version} with a folder in place of a chunk", make)
        make = partial(changed, lambda path: _chunk(path).unlink(), version=version)
        yield Case(f"zarr {version} with a chunk that is not there", make)
        make = partial(changed, all_gone, version=version)
        yield Case(f"zarr {version} without chunks", make, "refused", words="constant")
    yield Case("zarr with a chunk that is a link to nowhere", partial(changed, link_to_nowhere))


def _edited(file: str, change: Callable[[dict[str, Any]], Any], path: Path) -> None:
    content = json.loads((path / file).read_text())
    change(content)
    (path / file).write_text(json.dumps(content))


def _arrays() -> Iterator[Case]:
    """Lies in the description of the array."""
    values: dict[str, tuple[str, Any]] = {
        "a shape of zero": ("shape", [0, 16, 18]),
        "a shape below zero": ("shape", [-2, 16, 18]),
        "a shape of fractions": ("shape", [2.5, 16, 18]),
        "a shape in words": ("shape", "large"),
        "no axes": ("shape", []),
        "one axis": ("shape", [16]),
        "a type that there is not": ("data_type", "uint7"),
        "a type of other size": ("data_type", "uint64"),
        "a type of nothing": ("data_type", None),
        "a fill value in words": ("fill_value", "none"),
        "codecs that there are not": ("codecs", [{"name": "x"}]),
        "no codecs": ("codecs", []),
        "another node type": ("node_type", "plate"),
        "another format": ("zarr_format", 99),
        "no format": ("zarr_format", None),
    }
    for name, (key, value) in values.items():
        change = partial(_edited, "0/zarr.json", partial(_set, key, value))
        yield Case(f"zarr of {name}", partial(changed, change), "refused")
    for name, (key, value) in {
        "a type that there is not": ("dtype", "<q9"),
        "objects": ("dtype", "|O"),
        "records": ("dtype", [["a", "<u2"]]),
        "chunks of zero": ("chunks", [0, 0, 0]),
        "chunks of another number": ("chunks", [8]),
        "a compressor that there is not": ("compressor", {"id": "x"}),
        "a separator that there is not": ("dimension_separator", "#"),
        "no shape": ("shape", None),
    }.items():
        change = partial(_edited, "0/.zarray", partial(_set, key, value))
        # From 3.4 on, zarr warns of chunks of zero and reads the fill value.
        outcome: Outcome = "either" if "zero" in name else "refused"
        yield Case(f"zarr 0.4 of {name}", partial(changed, change, version="0.4"), outcome)
    larger = partial(_edited, "0/zarr.json", partial(_set, "shape", [2, 32, 36]))
    yield Case("zarr of a larger shape than it has", partial(changed, larger))
    nan = partial(_edited, "0/zarr.json", partial(_set, "fill_value", 65535))
    yield Case("zarr of another fill value", partial(changed, nan))


def _set(key: str, value: Any, content: dict[str, Any]) -> None:
    content[key] = value


class _Planter:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def plant(folder: Path, planted: Path) -> None:
    """Make an array of texts whose chunk is a program: zarr looks at the first of its filters alone."""
    folder.mkdir(parents=True)
    about = {"zarr_format": 2, "shape": [16, 18], "chunks": [16, 18], "dtype": "|O", "compressor": None}
    filters = [{"id": "vlen-utf8"}, {"id": "pickle", "protocol": 5}]
    (folder / ".zarray").write_text(json.dumps(about | {"filters": filters, "fill_value": "", "order": "C"}))
    (folder / "0.0").write_bytes(pickle.dumps(_Planter(planted)))


def _codecs() -> Iterator[Case]:
    """Chunks that are programs: what is pickled runs when it is read."""

    def as_compressor(path: Path) -> None:
        _edited("0/.zarray", partial(_set, "compressor", {"id": "pickle"}), path)
        _chunk(path).write_bytes(pickle.dumps(_Planter(path.parent / PLANTED)))

    def as_filter(path: Path) -> None:
        _edited("0/.zarray", partial(_set, "compressor", None), path)
        _edited("0/.zarray", partial(_set, "filters", [{"id": "pickle"}]), path)
        _chunk(path).write_bytes(pickle.dumps(_Planter(path.parent / PLANTED)))

    def of_objects(path: Path) -> None:
        as_filter(path)
        _edited("0/.zarray", partial(_set, "dtype", "|O"), path)
        _edited("0/.zarray", partial(_set, "fill_value", None), path)

    for name, change in (
        ("compressed by", as_compressor),
        ("filtered by", as_filter),
        ("objects of", of_objects),
    ):
        yield Case(f"zarr 0.4 {name} pickle", partial(changed, change, version="0.4"), "refused")


def _bombs() -> Iterator[Case]:
    """Small folders that promise more than a memory holds; with "bomb", the test watches the memory."""
    for name, shape in (("a plane of a petabyte", [1, 2**25, 2**25]), ("10^15 planes", [10**15, 16, 18])):
        change = partial(_edited, "0/zarr.json", partial(_set, "shape", shape))
        yield Case(f"zarr of {name}", partial(changed, change), "refused", {"bomb": True})

    def large_chunk(path: Path) -> None:
        grid = {"name": "regular", "configuration": {"chunk_shape": [2, 2**20, 2**20]}}
        _edited("0/zarr.json", partial(_set, "chunk_grid", grid), path)

    yield Case("zarr of a chunk of terabytes", partial(changed, large_chunk), "refused", {"bomb": True})
