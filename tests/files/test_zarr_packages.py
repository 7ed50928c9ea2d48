"""OME-Zarr needs packages that users install themselves, in whatever versions they have."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_cvdm.files import zarr_packages
from napari_cvdm.files.zarr_packages import has_zarr, require_zarr
from napari_cvdm.restoration.errors import ImageFileError

INSTALL = r"pip install 'napari-cvdm\[zarr\]'"


def test_those_of_the_tests_will_do() -> None:
    require_zarr()
    assert has_zarr()


def test_loads_them_where_warnings_are_errors() -> None:
    # In a process of its own: the writer warns when it is loaded for the first time.
    load = "from napari_cvdm.files.zarr_packages import require_zarr; require_zarr(); import ome_zarr.writer"
    done = subprocess.run([sys.executable, "-W", "error", "-c", load], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Take packages away, as if they had not been installed."""
    genuine = zarr_packages._version
    monkeypatch.setattr(zarr_packages, "_version", lambda name: None if name in names else genuine(name))
    for name in names:
        module = name.replace("-", "_")
        for loaded in [each for each in sys.modules if each.split(".")[0] == module]:
            monkeypatch.setitem(sys.modules, loaded, None)


@pytest.mark.parametrize("name", ["zarr", "ome-zarr"])
def test_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, name)
    with pytest.raises(ImageFileError, match=rf"not installed \({name.replace('-', '_')}.*{INSTALL}"):
        require_zarr()
    assert has_zarr() is (name != "zarr")


@pytest.mark.parametrize("version", ["2.18.7", "2.0.0rc1"])
def test_zarr_2_is_too_old(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zarr.__version__", version)
    monkeypatch.setattr(zarr_packages, "_version", {"zarr": version, "ome-zarr": "0.11.1"}.get)
    with pytest.raises(ImageFileError, match=rf"newer.*found ome-zarr 0\.11\.1, zarr {version}.*{INSTALL}"):
        require_zarr()
    assert not has_zarr()


def test_an_ome_zarr_that_does_not_know_the_format_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("ome_zarr.format.FormatV05")
    with pytest.raises(ImageFileError, match=rf"newer.*found ome-zarr .*, zarr .*{INSTALL}"):
        require_zarr()


def test_one_that_misses_a_part_of_zarr_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ome_zarr.format", None)  # as where it imports what zarr 3 has not
    with pytest.raises(ImageFileError, match=f"newer packages.*{INSTALL}"):
        require_zarr()
