"""A run as a Python script and as a shell line that repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_cvdm.files.names import TIFF_ENDINGS, ZARR_ENDINGS, without_ending
from napari_cvdm.plugin.image.file_reading import is_tiff
from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.panel.shell_words import joined
from napari_cvdm.plugin.stored.asked import asked_of, part_of
from napari_cvdm.plugin.stored.stated import table
from napari_cvdm.plugin.viewer.file_asking import safe_name

#: Axes of an image whose draws OME-TIFF can still hold are fewer.
_MOST_AXES = 5
#: What the shell has options for by the same names: settings of a run, and what a run does or not.
_OPTIONS = ("pixel_size", "model", "draws", "steps", "seed", "device", "tile")
_FLAGS = ("preview", "resample", "keep_draws")

_NO_WORDS = (
    "# A name in this run has characters that the shells of this system read each in its own way, so that\n"
    "# no line repeats it. Use Copy as > Python script.\n"
)
_NO_COLOURS = (
    "# The shell can neither average the colours of a picture nor take them for channels, so that no line\n"
    "# repeats this run. Use Copy as > Python script.\n"
)


def python_script(
    about: Mapping[str, Any], *, z_spacing: float | None = None, time_interval: float | None = None
) -> str:
    """Write a script that repeats a run through the Python interface.

    Parameters
    ----------
    about : mapping
        What a result's metadata hold under "napari_cvdm". It may come from a file that anybody wrote: what
        it states enters the script as a literal or within a comment, and is checked before.
    z_spacing, time_interval : float, optional
        Distance of planes in nm, and from frame to frame in seconds, for the metadata of what the script
        writes; by default what the image's file says.

    Returns
    -------
    str
        A program; where the image was not opened from a file, its first lines say what to do. What it writes
        opens in napari as the same two layers, where the sample is.

    Raises
    ------
    InputError
        If the result does not say clearly what its run was asked for.
    """
    asked = asked_of(about)
    name = str(about.get("source", "image"))
    lazily = bool(asked.get("output"))
    output = f"{_file_stem(name)}_cvdm.ome.{'zarr' if lazily else 'tif'}"
    model, version = table(about.get("model")), table(about.get("versions")).get("napari-cvdm", "")
    lines = [
        _one_line(
            f"# Repeats the restoration of '{name}' made in napari with napari-cvdm {version}".rstrip() + "."
        ),
        _one_line(f"# Model: {model.get('name', '')}, sha256 {model.get('sha256', 'unknown')}"),
        *(_imports(asked)),
        "",
        *(_reading(asked, name)),
        *(_choosing(asked)),
        f"model = cvdm.load_model({asked['model']!r})",
        *(_restoring_to_disk if lazily else _restoring)(
            about, asked, output, _sizes(asked, z_spacing, time_interval)
        ),
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
        A line; if it cannot tell which part of the file was restored, a comment says that it takes the whole.
        Of a picture in colour, only a comment: the shell does not know what colours are to become.

    Raises
    ------
    InputError
        If the result does not say clearly what its run was asked for.
    """
    asked = asked_of(about)
    if asked.get("rgb"):
        return _NO_COLOURS
    from_file = _file_serves(asked)
    # Not under the name of the file that has other pixels, which it might replace.
    saved = f"{_file_stem(str(about.get('source', 'image')))}_layer.ome.tif"
    source = asked["source_path"] if from_file else saved
    output = f"{_file_stem(Path(source).name)}_cvdm.ome.{'zarr' if asked.get('output') else 'tif'}"
    words = ["napari-cvdm", "restore", source, "-o", output, "--axes", _axes(asked)]
    for key in _OPTIONS:
        if asked.get(key) is not None and not (key in ("draws", "steps") and asked.get("preview")):
            words += [_option(key), str(asked[key])]
    words += [_option(key) for key in _FLAGS if asked.get(key)]
    part = _part_options(asked)
    words += part or []
    line = joined([_one_line(word) for word in words])  # a terminal takes other characters for keys
    if line is None:
        return _NO_WORDS
    remarks = []
    if not from_file:
        remarks.append(f"# Save the image first, as {saved}: File > Save Selected Layers.")
    if part is None:
        remarks.append("# In napari only a part was restored; this takes the whole file.")
    return "\n".join([*remarks, line]) + "\n"


def _restoring(
    about: Mapping[str, Any], asked: Mapping[str, Any], output: str, sizes: Mapping[str, str]
) -> list[str]:
    source = str(about.get("source", "image"))
    stored = "result.axes, result.restored_pixel_size"
    more = "".join(f", {key}={value}" for key, value in sizes.items())
    lines = [
        f"result = cvdm.restore(\n    image,\n    model,\n{_arguments(about, asked)})",
        "print(result.provenance)",
        "# With these, napari knows the two images for what they are.",
        f"about = {{**result.provenance, 'source': {source!r}, 'run': uuid.uuid4().hex}}",
        "images = [",
        f"    StoredImage(name, data, {stored}, {{**about, 'picture': picture}}{more})",
        "    for picture, name, data in (",
        f"        ('reconstruction', {f'{source} CVDM'!r}, result.mean),",
        f"        ('uncertainty', {f'{source} CVDM uncertainty'!r}, result.std),",
        "    )",
        "]",
    ]
    if asked.get("keep_draws") and not asked.get("preview") and len(_axes(asked)) < _MOST_AXES:
        lines += [
            "about, size = {'picture': 'draws', 'run': about['run']}, result.restored_pixel_size",
            f"name, axes = {f'{source} CVDM draws'!r}, 'Q' + result.axes",
            "images.append(StoredImage(name, result.draws, axes, size, about))",
        ]
    return [*lines, f"write_image_set({output!r}, images)"]


def _restoring_to_disk(
    about: Mapping[str, Any], asked: Mapping[str, Any], output: str, sizes: Mapping[str, str]
) -> list[str]:
    source = {"name": str(about.get("source", "image")), "path": asked.get("source_path")}
    values = {"source": repr(source), **sizes}
    return [
        f"lazy = cvdm.restore_lazy(\n    image,\n    model,\n{_arguments(about, asked)})",
        "written = write_restoration(\n    lazy,",
        f"    {output!r},",
        *(f"    {key}={value}," for key, value in values.items()),
        ")",
        "print(written)",
    ]


def _sizes(asked: Mapping[str, Any], z_spacing: float | None, time_interval: float | None) -> dict[str, str]:
    """Return what to write for sizes that a restoration does not change; for want of better, the file's."""
    sizes = {}
    for letter, of_file, unit, value in (
        ("Z", "z_spacing", "nm", z_spacing),
        ("T", "time_interval", "s", time_interval),
    ):
        if letter in asked["axes"] and (value is not None or _file_serves(asked)):
            sizes[f"{of_file}_{unit}"] = f"file.{of_file}" if value is None else f"{value:.9g}"
    return sizes


def _imports(asked: Mapping[str, Any]) -> list[str]:
    lines = [] if asked.get("output") else ["import uuid", ""]
    lines += ["import numpy as np"] if not _file_serves(asked) or asked.get("rgb") else []
    lines += [
        "import napari_cvdm as cvdm",
        "from napari_cvdm.files.streaming import write_restoration"
        if asked.get("output")
        else "from napari_cvdm.files.image_set import StoredImage, write_image_set",
    ]
    if _file_serves(asked):
        reader = _reader(asked)
        module = "ome_zarr_reading" if reader == "open_ome_zarr" else "tiff"
        lines.append(f"from napari_cvdm.files.{module} import {reader}")
    return lines


def _reading(asked: Mapping[str, Any], name: str) -> list[str]:
    if _file_serves(asked):
        return [f"file = {_reader(asked)}({asked['source_path']!r})", "image = file.data"]
    file = f"{_file_stem(name)}.npy"
    return [
        "# No file that it was opened from has the image as it was restored. In napari's console, keep it:",
        f"#     layer = viewer.layers[{_one_line(name)!r}]",
        f"#     import numpy; numpy.save({file!r}, layer.data[0] if layer.multiscale else layer.data)",
        f"image = np.load({file!r})",
    ]


def _reader(asked: Mapping[str, Any]) -> str:
    """Return what opens the file: what is too large for memory is read piece by piece."""
    if not is_tiff(Path(asked["source_path"])):
        return "open_ome_zarr"
    return "open_tiff_lazily" if asked.get("output") and not asked.get("rgb") else "read_tiff"


def _choosing(asked: Mapping[str, Any]) -> list[str]:
    if not asked.get("rgb"):
        return []
    return [
        "image = np.moveaxis(image[..., :3], -1, 0)  # colours as channels"
        if asked.get("colours") == "channels"
        else "image = image[..., :3].mean(axis=-1, dtype=np.float32)  # colours averaged"
    ]


def _part(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the chosen planes, by the number of their axis, and the region."""
    spans = part_of({"asked": asked})
    if spans is None:
        return {}
    before = len(_axes(asked)) - len(asked["axes"])
    shape = asked["shape"] or [span.stop + 1 for span in spans]
    part = Part(tuple(spans)).chosen(asked["axes"], shape, leading=before)
    return {**part, "normalize": asked["normalize"] or "whole"}


def _part_options(asked: Mapping[str, Any]) -> list[str] | None:
    """Return the shell's options for the part; None if they cannot tell it."""
    part, axes = _part(asked), _axes(asked)
    words: list[str] = []
    for number, chosen in (part.get("planes") or {}).items():
        if axes[number] == "C":
            words += ["--channels", ",".join(map(str, range(chosen.start, chosen.stop, chosen.step)))]
        elif axes.count(axes[number]) > 1 or chosen.step != 1:
            return None
        else:
            words += ["--plane", f"{axes[number]}={chosen.start}:{chosen.stop}"]
    if part.get("region"):
        words += ["--roi", ",".join(f"{first}:{end}" for first, end in part["region"])]
    return words + (["--normalize", part["normalize"]] if part else [])


def _arguments(about: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    values: dict[str, Any] = {"axes": _axes(asked), "pixel_size": asked.get("pixel_size")}
    if asked.get("preview"):
        values["preview"] = True
    else:
        # The steps that were used, whatever the model's default is by then.
        values |= {"draws": asked["draws"], "steps": about.get("steps") or asked.get("steps")}
    values |= {key: asked[key] for key in ("seed", "device", "tile")}
    values |= {key: True for key in ("resample", "keep_draws") if asked.get(key)}
    values |= {key: value for key, value in _part(asked).items() if value is not None}
    return "".join(f"    {key}={value!r},\n" for key, value in values.items())


def _axes(asked: Mapping[str, Any]) -> str:
    channels = asked.get("rgb") and asked.get("colours") == "channels"
    return f"C{asked['axes']}" if channels else asked["axes"]


def _file_serves(asked: Mapping[str, Any]) -> bool:
    """Whether the layer's file has the image; of TIFFs, results of earlier versions do not say that."""
    path, has_pixels = asked["source_path"], asked["file_has_pixels"]
    return bool(path) and (is_tiff(Path(path)) if has_pixels is None else has_pixels)


def _file_stem(name: str) -> str:
    """Make a name for files from a layer's, which may hold anything; napari leaves ".ome" in it."""
    return safe_name(without_ending(name, (*TIFF_ENDINGS, *ZARR_ENDINGS, ".ome")))


def _option(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
