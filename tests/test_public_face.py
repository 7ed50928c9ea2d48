"""The names that ``import napari_cvdm`` promises."""

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import napari_cvdm


def test_every_public_name_can_be_had() -> None:
    assert [name for name in napari_cvdm.__all__ if getattr(napari_cvdm, name, None) is None] == []


def test_names_are_what_their_home_modules_define() -> None:
    from napari_cvdm.models.store import load_model
    from napari_cvdm.restoration.restore import restore
    from napari_cvdm.restoration.result import Restoration

    assert napari_cvdm.restore is restore
    assert napari_cvdm.load_model is load_model
    assert napari_cvdm.Restoration is Restoration


def test_version_is_the_installed_one() -> None:
    assert napari_cvdm.__version__ == version("napari-cvdm")


def test_without_an_installation_files_are_written_all_the_same(tmp_path: Path) -> None:
    code = f"""
import importlib.metadata as metadata
import numpy as np

def missing(name):
    if name == "napari-cvdm":
        raise metadata.PackageNotFoundError(name)
    return find(name)

find, metadata.Distribution.from_name = metadata.Distribution.from_name, missing
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.ome_zarr import create_ome_zarr, plan_layout
from napari_cvdm.restoration.axes import Axes
from napari_cvdm.restoration.provenance import versions

folder = {str(tmp_path)!r}
write_ome_tiff(folder + "/a.ome.tif", np.zeros((9, 9), np.uint8))
layout = plan_layout(Axes("YX", (9, 9)), (9, 9), 9)
create_ome_zarr(__import__("pathlib").Path(folder) / "a.zarr", layout, name="a")
print(versions()["napari-cvdm"])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "unknown"), run.stderr
    assert b"napari-cvdm unknown" in (tmp_path / "a.ome.tif").read_bytes()


def test_public_names_are_listed_before_they_load() -> None:
    code = "import napari_cvdm as n, sys; print(set(n.__all__) <= set(dir(n)), 'torch' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.strip() == "True False"


def test_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="'napari_cvdm' has no attribute 'sharpen'"):
        _ = napari_cvdm.sharpen


def test_a_type_checker_knows_which_names_there_are() -> None:
    # A module's __getattr__ that it sees would give every mistyped name the type Any.
    tree = ast.parse(Path(napari_cvdm.__file__).read_text(encoding="utf-8"))
    assert "__getattr__" not in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    for_types = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {alias.name for node in for_types.body for alias in getattr(node, "names", ())}
    assert declared == set(napari_cvdm.__all__) - {"__version__"}
