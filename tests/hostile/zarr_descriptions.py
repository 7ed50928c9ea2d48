"""OME-Zarr folders whose descriptions or places are damaged, lying or odd, for ``napari-cvdm restore``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import zarr

from tests.hostile.case import Case, scene
from tests.hostile.zarr_cases import AXES, PIXEL, changed, good_zarr, multiscale


def zarr_description_cases() -> list[Case]:
    """Every hostile description or place."""
    return [case for part in (_metadata(), _scales(), _folders()) for case in part]


def _metadata() -> Iterator[Case]:
    wrong: dict[str, Any] = {
        "no data sets": multiscale(datasets=[]),
        "data sets in words": multiscale(datasets="0"),
        "a data set of nothing": multiscale(datasets=[None]),
        "a path that is a number": multiscale(datasets=[{"path": 0}]),
        "a path to a level that is not there": multiscale(datasets=[{"path": "7"}]),
        "a path out of the folder": multiscale(datasets=[{"path": "../outside.zarr"}]),
        "a path through the folder and out": multiscale(datasets=[{"path": "0/../../outside.zarr"}]),
        "an absolute path": multiscale(datasets=[{"path": "/etc"}]),
        "a path to itself": multiscale(datasets=[{"path": ""}]),
        "an axis too few": multiscale(axes=AXES[1:]),
        "an axis twice": multiscale(axes=[*AXES[1:], AXES[2]]),
        "no X": multiscale(axes=[{"name": n} for n in "tyz"]),
        "axes in words": multiscale(axes=5),
        "an image of nothing": None,
        "an image in words": "image",
    }
    for name, image in wrong.items():
        yield Case(f"zarr with {name}", partial(_told, image), "refused")
    odd = {
        "axes that are letters": multiscale(axes=["t", "y", "x"]),
        "no axes named": multiscale(axes=[]),
        "capital letters": multiscale(axes=[{"name": n} for n in "TYX"]),
        "an axis in another script": multiscale(axes=[{"name": "時"}, *AXES[1:]]),
        "a name of 10 kB": multiscale(name="n" * 10_000),
        "a name that is a number": multiscale(name=5),
    }
    for name, image in odd.items():
        yield Case(f"zarr with {name}", partial(_told, image))


def _told(image: Any, folder: Path) -> Path:
    path = good_zarr(folder)
    good_zarr(folder.parent, "outside.zarr")
    # As text: zarr 3.1.0 writes no NaN and no infinity.
    description = path / "zarr.json"
    told = json.loads(description.read_text(encoding="utf-8"))
    told["attributes"]["ome"] = {"version": "0.5", "multiscales": [image]}
    description.write_text(json.dumps(told), encoding="utf-8")
    return path


def _scales() -> Iterator[Case]:
    """`settings["nm"]` is the pixel size that must come of it."""
    micro = PIXEL / 1000
    for name, scale, expected in (
        ("zero", [1, 0, 0], None),
        ("below zero", [1, -micro, -micro], None),
        ("1e9", [1, 1e9, 1e9], None),
        ("1e-30", [1, 1e-30, 1e-30], None),
        ("NaN", [1, float("nan"), float("nan")], None),
        ("infinite", [1, float("inf"), float("inf")], None),
        ("oblong", [1, micro, 2 * micro], None),
        ("too short", [micro, micro], None),
        ("empty", [], None),
        ("of time only", [0.5, 1e9, 1e9], None),
    ):
        told = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}]
        yield Case(f"zarr scale {name}", partial(_told, multiscale(datasets=told)), settings={"nm": expected})
    for name, transformations in (
        ("in words", [{"type": "scale", "scale": "small"}]),
        ("of words", [{"type": "scale", "scale": ["a", "b", "c"]}]),
        ("of nothing", [{"type": "scale", "scale": [None, None, None]}]),
        ("that is a number", 5),
    ):
        told = [{"path": "0", "coordinateTransformations": transformations}]
        yield Case(f"zarr scale {name}", partial(_told, multiscale(datasets=told)), "refused")
    for unit, expected in (("parsec", None), ("nanometer", None), ("micron", PIXEL), (7, None), ("", None)):
        axes = [AXES[0], {**AXES[1], "unit": unit}, {**AXES[2], "unit": unit}]
        yield Case(f"zarr unit {unit!r}", partial(_told, multiscale(axes=axes)), settings={"nm": expected})


def _folders() -> Iterator[Case]:
    def text(content: bytes) -> Callable[[Path], None]:
        return lambda path: (path / "zarr.json").write_bytes(content) and None

    def level_link(path: Path) -> None:
        shutil.move(path / "0", path.parent / "level")
        (path / "0").symlink_to(path.parent / "level")

    def ring(path: Path) -> None:
        shutil.rmtree(path / "0")
        (path / "0").symlink_to(path)

    refused: dict[str, Callable[[Path], Any]] = {
        "an empty description": text(b""),
        "half a description": text(b'{"zarr_format": 3, "node_ty'),
        "a description in no encoding": text(bytes(range(128, 256))),
        "a description that is a list": text(b"[]"),
        "a description of ten thousand levels": text(b"[" * 10_000 + b"]" * 10_000),
        "no description": lambda path: (path / "zarr.json").unlink(),
        "a level without a description": lambda path: (path / "0" / "zarr.json").unlink(),
        "no level": lambda path: shutil.rmtree(path / "0"),
        "a level that is the image": ring,
    }
    for name, change in refused.items():
        yield Case(f"zarr with {name}", partial(changed, change), "refused")
    yield Case("zarr with a level that is a link", partial(changed, level_link))
    things: dict[str, Callable[[Path], Path]] = {
        "an empty folder": _empty,
        "a file": _file,
        "nothing": lambda folder: folder / "missing.zarr",
        "a plate": _plate,
        "ten groups deep": _deep,
        "no image but groups": _groups,
    }
    for name, make in things.items():
        yield Case(f"zarr that is {name}", make, "refused")
    yield Case("zarr of several images", _series)
    yield Case("zarr that is a bare array", _bare)
    yield Case("zarr named with a space and ünï", partial(good_zarr, name="a ünï 微.ome.zarr"))


def _empty(folder: Path) -> Path:
    (folder / "empty.zarr").mkdir()
    return folder / "empty.zarr"


def _file(folder: Path) -> Path:
    (folder / "file.zarr").write_bytes(b"zarr")
    return folder / "file.zarr"


def _plate(folder: Path) -> Path:
    zarr.open_group(folder / "plate.zarr", mode="w").attrs["ome"] = {"plate": {"wells": []}}
    good_zarr(folder / "plate.zarr" / "A" / "1", "0")
    return folder / "plate.zarr"


def _groups(folder: Path) -> Path:
    zarr.open_group(folder / "groups.zarr", mode="w").create_group("a/b/c")
    return folder / "groups.zarr"


def _deep(folder: Path) -> Path:
    zarr.open_group(folder / "deep.zarr", mode="w").create_group("/".join("0" * 10))
    return folder / "deep.zarr"


def _series(folder: Path) -> Path:
    zarr.open_group(folder / "several.zarr", mode="w").attrs["bioformats2raw.layout"] = 3
    good_zarr(folder / "several.zarr", "0")
    return folder / "several.zarr"


def _bare(folder: Path) -> Path:
    zarr.save_array(folder / "bare.zarr", scene(16, 18))
    return folder / "bare.zarr"
