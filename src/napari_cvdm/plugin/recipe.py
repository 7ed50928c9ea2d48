"""A run as a Python script and as a shell line that repeat it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["python_script", "shell_line"]

_TIFF = {".tif", ".tiff", ".lsm", ".stk", ".btf", ".tf8"}
#: Settings of a run that the shell has options for, and the names of those.
_OPTIONS = (
    ("pixel_size", "--pixel-size"),
    ("model", "--model"),
    ("draws", "--draws"),
    ("steps", "--steps"),
    ("seed", "--seed"),
    ("device", "--device"),
    ("tile", "--tile"),
)


def python_script(about: Mapping[str, Any]) -> str:
    """Write a script that repeats a run through the Python interface.

    Parameters
    ----------
    about : mapping
        What a result's metadata hold under "napari_cvdm".

    Returns
    -------
    str
        A program; where the image was not opened from a file, its first lines say what to do.
    """
    asked = about["asked"]
    name = str(about.get("source", "image"))
    output = f"{_file_stem(name)}_cvdm.ome.tif"
    model = about.get("model", {})
    lines = [
        f"# Repeats the restoration of '{_one_line(name)}' made in napari with napari-cvdm"
        f" {about.get('versions', {}).get('napari-cvdm', '')}".rstrip()
        + ".",
        f"# Model: {_one_line(str(model.get('name', '')))}, sha256 {model.get('sha256', 'unknown')}",
        *(_imports(asked)),
        "",
        *(_reading(asked, name)),
        *(_choosing(asked)),
        f"model = cvdm.load_model({asked['model']!r})",
        f"result = cvdm.restore(\n    image,\n    model,\n{_arguments(about)})",
        "print(result.provenance)",
        "images = [",
        "    StoredImage(name, data, result.axes, result.restored_pixel_size, result.provenance)",
        "    for name, data in (('reconstruction', result.mean), ('uncertainty', result.std))",
        "]",
        f"write_image_set({output!r}, images)",
    ]
    return "\n".join(lines) + "\n"


def shell_line(about: Mapping[str, Any]) -> str:
    """Write a line for the shell that repeats a run.

    Parameters
    ----------
    about : mapping
        As for `python_script`.

    Returns
    -------
    str
        A line; if only a part of the file was restored, a comment before it says that it takes the whole.
    """
    asked = about["asked"]
    source = asked.get("source_path") or f"{_file_stem(str(about.get('source', 'image')))}.tif"
    words = ["napari-cvdm", "restore", source, "-o", f"{_file_stem(Path(source).name)}_cvdm.ome.tif"]
    words += ["--axes", _axes(asked)]
    for key, option in _OPTIONS:
        if key in ("draws", "steps") and asked.get("preview"):
            continue
        if asked.get(key) is not None:
            words += [option, str(asked[key])]
    words += ["--preview"] if asked.get("preview") else []
    words += ["--resample"] if asked.get("resample") else []
    words += ["--keep-draws"] if asked.get("keep_draws") else []
    line = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    remarks = []
    if not asked.get("source_path"):
        remarks.append("# Save the image first: File > Save Selected Layers.")
    if asked.get("part") is not None:
        remarks.append("# In napari only a part was restored; this takes the whole file.")
    return "\n".join([*remarks, line]) + "\n"


def _imports(asked: Mapping[str, Any]) -> list[str]:
    lines = ["import numpy as np"] if not _is_tiff(asked) or asked.get("rgb") else []
    lines += [
        "import napari_cvdm as cvdm",
        "from napari_cvdm.files.image_set import StoredImage, write_image_set",
    ]
    if _is_tiff(asked):
        lines.append("from napari_cvdm.files.tiff import read_tiff")
    return lines


def _reading(asked: Mapping[str, Any], name: str) -> list[str]:
    if _is_tiff(asked):
        return [f"image = read_tiff({asked['source_path']!r}).data"]
    file = f"{_file_stem(name)}.npy"
    return [
        "# The image was not opened from a TIFF. In napari's console, keep it in a file:",
        f"#     import numpy; numpy.save({file!r}, numpy.asarray(viewer.layers[{_one_line(name)!r}].data))",
        f"image = np.load({file!r})",
    ]


def _choosing(asked: Mapping[str, Any]) -> list[str]:
    lines = []
    if asked.get("part") is not None:
        inner = ", ".join(f"{a}:{b}" if step == 1 else f"{a}:{b}:{step}" for a, b, step in asked["part"])
        lines.append(f"image = image[{inner}]")
    if asked.get("rgb"):
        lines.append(
            "image = np.moveaxis(image[..., :3], -1, 0)  # colours as channels"
            if asked.get("colours") == "channels"
            else "image = image[..., :3].mean(axis=-1, dtype=np.float32)  # colours averaged"
        )
    return lines


def _arguments(about: Mapping[str, Any]) -> str:
    asked = about["asked"]
    values: dict[str, Any] = {"axes": _axes(asked), "pixel_size": asked.get("pixel_size")}
    if asked.get("preview"):
        values["preview"] = True
    else:
        # The steps that were used, whatever the model's default is by then.
        values |= {"draws": asked["draws"], "steps": about.get("steps") or asked.get("steps")}
    values |= {key: asked[key] for key in ("seed", "device", "tile")}
    values |= {key: True for key in ("resample", "keep_draws") if asked.get(key)}
    return "".join(f"    {key}={value!r},\n" for key, value in values.items())


def _axes(asked: Mapping[str, Any]) -> str:
    channels = asked.get("rgb") and asked.get("colours") == "channels"
    return f"C{asked['axes']}" if channels else str(asked["axes"])


def _is_tiff(asked: Mapping[str, Any]) -> bool:
    path = asked.get("source_path")
    return bool(path) and Path(str(path)).suffix.lower() in _TIFF


def _file_stem(name: str) -> str:
    """Make a name for files from a layer's, which may hold anything."""
    stem = name
    for ending in (".ome.tif", ".ome.tiff", ".tif", ".tiff"):
        stem = stem[: -len(ending)] if stem.lower().endswith(ending) else stem
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in stem).strip(".") or "image"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
