from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from napari_cvdm.cli.outputs import check_writable, is_same, is_within, plan_outputs, refuse_losses
from napari_cvdm.models.replacing import replacing


def test_one_input_to_one_file(tmp_path: Path) -> None:
    (plan,) = plan_outputs([Path("a.tif")], tmp_path / "out.tif")
    assert plan.reconstruction == tmp_path / "out.tif"
    assert plan.uncertainty == tmp_path / "out_uncertainty.ome.tif"
    assert plan.draws == ()


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.tiff", ".tif", ".tiff", ".TIF"])
def test_the_ending_is_kept_whole(tmp_path: Path, ending: str) -> None:
    (plan,) = plan_outputs([Path("a.tif")], tmp_path / f"out.v2{ending}", draws=2)
    assert plan.reconstruction.name == f"out.v2{ending}"
    assert plan.uncertainty.name == "out.v2_uncertainty.ome.tif"
    assert [path.name for path in plan.draws] == ["out.v2_draw01.ome.tif", "out.v2_draw02.ome.tif"]


@pytest.mark.parametrize("exists", [True, False])
def test_several_inputs_to_a_folder(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "out"
    if exists:
        folder.mkdir()
    plans = plan_outputs([Path("a.ome.tif"), Path("x/b.tiff")], folder)
    assert [plan.reconstruction for plan in plans] == [
        folder / "a_cvdm.ome.tif",
        folder / "b_cvdm.ome.tif",
    ]
    assert plans[0].uncertainty == folder / "a_cvdm_uncertainty.ome.tif"
    assert folder.exists() is exists  # planning makes nothing


@pytest.mark.parametrize("folder", [".", "new"])
def test_a_name_that_is_too_long_while_it_is_written_is_refused_before_the_work(
    tmp_path: Path, folder: str
) -> None:
    longest = 255 - len("._cvdm_uncertainty.ome.tif.01234567.part")  # as on nearly all disks
    (plan,) = plan_outputs([Path("n" * longest + ".tif")], tmp_path / folder)
    (tmp_path / folder).mkdir(exist_ok=True)
    with replacing(plan.uncertainty) as file:
        file.write(b"pixels")
    with pytest.raises(ValueError, match=r"ncertainty\.ome\.tif is too long.*choose a shorter one"):
        plan_outputs([Path("n" * (longest + 1) + ".tif")], tmp_path / folder)


@pytest.mark.parametrize("folder", ["disk", "disk/new"])
def test_a_link_to_a_drive_that_is_not_there_is_refused_before_the_work(tmp_path: Path, folder: str) -> None:
    (tmp_path / "disk").symlink_to(tmp_path / "unmounted")
    with pytest.raises(ValueError, match=r"disk is a link to .*unmounted, which does not exist"):
        check_writable(tmp_path / folder)
    (tmp_path / "unmounted").mkdir()
    check_writable(tmp_path / folder)


def test_a_folder_may_look_like_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "day1.tif"
    folder.mkdir()
    (plan,) = plan_outputs([Path("a.tif")], folder)
    assert plan.reconstruction == folder / "a_cvdm.ome.tif"


def test_an_input_is_never_written_to(tmp_path: Path) -> None:
    raw = tmp_path / "a.tif"
    raw.write_bytes(b"raw data")
    (tmp_path / "sub").mkdir()
    with pytest.raises(ValueError, match="is an input"):
        plan_outputs([raw], tmp_path / "sub" / ".." / "a.tif")
    earlier = tmp_path / "a_cvdm.ome.tif"  # as of all TIFF files of a folder, the second time
    with pytest.raises(ValueError, match=r"a_cvdm\.ome\.tif is an input"):
        plan_outputs([raw, earlier], tmp_path)


@pytest.mark.parametrize("output", ["in.zarr", "in.zarr/results", "in.zarr/0/out.tif", "link/out.tif"])
def test_nothing_is_written_into_a_folder_that_is_an_input(tmp_path: Path, output: str) -> None:
    folder = tmp_path / "in.zarr"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(ValueError, match=r"is within the input .*in\.zarr, which is never written to"):
        plan_outputs([folder], tmp_path / output)
    assert plan_outputs([folder], tmp_path / "in.zarr_results" / "out.tif")


def test_files_are_told_apart_on_a_disk_that_does_not_number_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.tif", "b.tif"):
        (tmp_path / name).touch()
    (tmp_path / "in.zarr").mkdir()
    found = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **how: _unnumbered(found(path, **how)))
    assert not is_same(tmp_path / "a.tif", tmp_path / "b.tif")
    assert not is_within(tmp_path / "out.zarr", tmp_path / "in.zarr")
    refuse_losses([tmp_path / "a.tif"], [tmp_path / "b.tif", tmp_path / "in.zarr"], overwrite=True)


def _unnumbered(found: os.stat_result) -> os.stat_result:
    fields = list(found)
    fields[stat.ST_INO] = 0
    return os.stat_result(fields)


def test_two_results_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Two inputs would both be written"):
        plan_outputs([Path("x/a.tif"), Path("y/a.tif")], tmp_path)


def test_one_file_for_several_inputs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a file")
    for output in (tmp_path / "out.tif", tmp_path / "notes"):
        with pytest.raises(ValueError, match="one file for 2 inputs"):
            plan_outputs([Path("a.tif"), Path("b.tif")], output)


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no TIFF file"):
        plan_outputs([Path("a.tif")], tmp_path / "out.png")


def test_a_place_inside_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(ValueError, match="is not a folder"):
        plan_outputs([Path("a.tif")], tmp_path / "file" / "out.tif")


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_writable(tmp_path / "not" / "yet" / "there")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    with pytest.raises(ValueError, match="cannot be written to"):
        check_writable(tmp_path / "not" / "yet" / "there")


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.zarr", "a.ome.zarr", "a.OME.ZARR"])
def test_a_result_in_a_folder_is_called_after_its_input_without_the_ending(tmp_path: Path, name: str) -> None:
    (plan,) = plan_outputs([Path(name)], tmp_path)
    assert plan.reconstruction == tmp_path / "a_cvdm.ome.tif"


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    for name in ("2024.01.05", "old.tif"):
        (plan,) = plan_outputs([Path("a.tif")], tmp_path / name, is_folder=True)
        assert plan.reconstruction == tmp_path / name / "a_cvdm.ome.tif"
    (tmp_path / "file.tif").touch()
    with pytest.raises(ValueError, match="is one file"):
        plan_outputs([Path("a.tif")], tmp_path / "file.tif", is_folder=True)


def test_a_drive_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: False)  # as of all parents of Z:\out on Windows
    with pytest.raises(ValueError, match="does not exist: choose another place"):
        check_writable(tmp_path / "out")
