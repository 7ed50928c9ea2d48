"""A command that is given again: what is finished stays, and what is missing is made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_cvdm.cli import main
from napari_cvdm.cli.opening import open_image
from napari_cvdm.cli.pictures import open_pictures
from napari_cvdm.cli.repeating import identity_of
from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.files.ome_tiff import read_provenance, write_ome_tiff
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.models import load_model, save_model

from ..files.conftest import write_ome_set
from .conftest import TINY

Restore = Callable[..., int]


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Three single planes."""
    folder, rng = tmp_path / "fields", np.random.default_rng(0)
    folder.mkdir()
    planes = rng.poisson(50, (3, 24, 32)).astype(np.uint16)
    return [write_ome_tiff(folder / f"{n}.ome.tif", plane, "YX", 65.0) for n, plane in enumerate(planes)]


@pytest.fixture
def restore(weights: Path) -> Restore:
    def run(*arguments: object) -> int:
        return main(
            ["restore", *map(str, arguments), "--model", str(weights), "--preview", "--device", "cpu"]
        )

    return run


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let Ctrl-C come as a file of some name is about to be written; none, to let it come no more."""
    from napari_cvdm.files import ome_tiff

    write = ome_tiff.write_ome_tiff

    def interrupt(name: str) -> None:
        def written(path: Path, *what: object, **how: object) -> Path:
            if path.name == name:
                raise KeyboardInterrupt
            return write(path, *what, **how)

        monkeypatch.setattr(ome_tiff, "write_ome_tiff", written)

    return interrupt


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


class TestToTiff:
    @pytest.mark.parametrize("extra", [[], ["--overwrite"]])
    def test_goes_on_after_an_interruption(
        self,
        images: list[Path],
        tmp_path: Path,
        restore: Restore,
        interrupted: Callable[[str], None],
        extra: list[str],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        output = tmp_path / "outs"
        if extra:  # results of other settings, of which all are to be replaced
            assert restore(*images, "-o", output, "--seed", "7") == 0
        interrupted("1_cvdm_uncertainty.ome.tif")
        assert restore(*images, "-o", output, *extra) == 130
        assert "What is finished is kept: the same command goes on" in capsys.readouterr().err
        first = contents(output)
        interrupted("")
        assert restore(*images, "-o", output, *extra) == 0
        said = capsys.readouterr()
        assert "Restored already, and left as they are: 1 of 3 images." in said.err
        whole = contents(output)
        assert said.out.splitlines() == [
            str(output / f"{n}_cvdm{what}.ome.tif") for n in range(3) for what in ("", "_uncertainty")
        ]
        # Not even the one picture of the second was written again, and both belong together.
        for name in ("0_cvdm.ome.tif", "0_cvdm_uncertainty.ome.tif", "1_cvdm.ome.tif"):
            assert whole[name] == first[name]
        assert all((read_provenance(output / name) or {})["seed"] == 0 for name in whole)
        assert open_pictures(output / "1_cvdm.ome.tif").std is not None
        assert restore(*images, "-o", output, *extra) == 0
        again = capsys.readouterr()
        assert "3 of 3 images" in again.err
        assert again.out == said.out
        assert contents(output) == whole

    def test_one_image_that_was_interrupted_before_its_end_claims_nothing(
        self,
        images: list[Path],
        tmp_path: Path,
        restore: Restore,
        interrupted: Callable[[str], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        interrupted("out.ome.tif")
        assert restore(images[0], "-o", tmp_path / "out.ome.tif") == 130
        assert "kept" not in capsys.readouterr().err

    @pytest.mark.parametrize("other", ["settings", "image", "model", "version", "somebody's", "damaged"])
    def test_what_was_made_otherwise_is_refused_before_any_work(
        self,
        images: list[Path],
        tmp_path: Path,
        restore: Restore,
        weights: Path,
        other: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        output, extra = tmp_path / "outs", []
        last = output / "2_cvdm.ome.tif"
        assert restore(*images[1:], "-o", output) == 0
        if other == "settings":
            extra = ["--seed", "1"]
        elif other == "image":
            write_ome_tiff(images[2], read_tiff(images[2]).data[::-1], "YX", 65.0, overwrite=True)
        elif other == "model":
            weights.rename(weights.with_suffix(".kept"))
            save_model(weights, CVDM(TINY), load_model(weights.with_suffix(".kept")).card)
        elif other == "version":
            monkeypatch.setattr("napari_cvdm.restoration.provenance.__version__", "99")
        elif other == "somebody's":
            tifffile.imwrite(last, np.zeros((4, 4), np.uint8))
        else:
            last.write_bytes(last.read_bytes()[:-200])
        try:
            before = contents(output)
            capsys.readouterr()
            assert restore(*images, "-o", output, *extra) == 2
            error = capsys.readouterr().err
            assert "exists: choose another name with -o, or add --overwrite." in error
            assert error.count("\n") == 1
            assert contents(output) == before
            assert restore(*images, "-o", output, *extra, "--overwrite") == 0
            after = contents(output)
            assert after["2_cvdm.ome.tif"] != before["2_cvdm.ome.tif"]
            assert len(after) == 6
        finally:
            if other == "model":
                weights.with_suffix(".kept").replace(weights)

    @pytest.mark.parametrize("name", ["out.ome.tif", "out_uncertainty.ome.tif", "out_draw02.ome.tif"])
    def test_no_file_of_somebody_else_is_lost(
        self,
        images: list[Path],
        tmp_path: Path,
        weights: Path,
        name: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / name).write_bytes(b"precious")
        arguments = [str(images[0]), "-o", str(tmp_path / "out.ome.tif"), "--model", str(weights)]
        assert main(["restore", *arguments, "--draws", "2", "--steps", "1", "--keep-draws"]) == 2
        assert f"{name} exists: choose another name" in capsys.readouterr().err
        assert contents(tmp_path) == {name: b"precious"}

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ([], ["--preset", "standard"]),
            (["--preset", "thorough"], ["--draws", "24"]),
            (["--preset", "thorough", "--draws", "2"], ["--draws", "2", "--keep-draws"]),
            (["--preview"], ["--preset", "Preview"]),
            ([], ["--steps", "2", "--image", "0", "--pixel-size", "65"]),
            (["--axes", " yx"], []),
            (["--axes", "QYX", "--plane", "0=1:2"], ["--axes", "QYX", "--plane", "q=1"]),
        ],
    )
    def test_another_way_to_say_the_same_is_the_same_run(
        self,
        images: list[Path],
        tmp_path: Path,
        weights: Path,
        first: list[str],
        second: list[str],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        source = images[0]
        if "--plane" in first:
            source = write_ome_tiff(
                tmp_path / "stack.ome.tif", np.stack([read_tiff(each).data for each in images]), "QYX"
            )
        command = ["restore", str(source), "-o", str(tmp_path / "out.ome.tif"), "--model", str(weights)]
        assert main([*command, *first]) == 0
        before = (tmp_path / "out.ome.tif").read_bytes()
        capsys.readouterr()
        assert main([*command, *second]) == 0
        assert (tmp_path / "out.ome.tif").read_bytes() == before
        if "--keep-draws" in second:  # which alone are made
            assert (tmp_path / "out_draw02.ome.tif").exists()
        else:
            assert "1 of 1 images" in capsys.readouterr().err

    def test_a_set_of_files_is_one_image_the_second_time_too(
        self, tmp_path: Path, restore: Restore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder, output = tmp_path / "film", tmp_path / "outs"
        frames = np.random.default_rng(1).poisson(50, (2, 24, 32)).astype(np.uint16)
        folder.mkdir()
        write_ome_set(folder, [[(f"t{time}.ome.tif", frames[time : time + 1]) for time in range(2)]])
        command = [*sorted(folder.iterdir()), "-o", output]
        assert restore(*command) == 0
        before = contents(output)
        assert restore(*command) == 0
        assert contents(output) == before
        assert list(before) == ["t0_cvdm.ome.tif", "t0_cvdm_uncertainty.ome.tif"]
        os.utime(folder / "t1.ome.tif", (1e9, 2e9))  # the file that gives no name to the result
        assert restore(*command) == 2
        assert "t0_cvdm.ome.tif exists" in capsys.readouterr().err

    def test_results_among_the_images_of_a_folder_are_no_images(
        self, images: list[Path], restore: Restore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = images[0].parent
        assert restore(*images[:2], "-o", folder) == 0
        before = contents(folder)
        assert len(before) == 7
        # As a shell has it for fields/*.tif, by now.
        assert restore(*sorted(folder.iterdir()), "-o", folder) == 0
        said = capsys.readouterr().err
        assert "Left out, as results and no recordings: 4 of 7 inputs." in said
        assert "2 of 3 images" in said
        after = contents(folder)
        assert len(after) == 9
        assert before.items() <= after.items()
        assert restore(*(path for path in folder.iterdir() if "cvdm" in path.name), "-o", folder) == 2
        assert "All of these 6 are results already" in capsys.readouterr().err
        # One alone is restored again, as before.
        assert restore(folder / "0_cvdm.ome.tif", "-o", folder / "again.ome.tif") == 0

    def test_nor_is_the_folder_of_the_results(
        self, images: list[Path], restore: Restore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = images[0].parent
        output = folder / "restored"
        assert restore(*images, "-o", output) == 0
        before = contents(output)
        assert restore(*sorted(folder.iterdir()), "-o", output) == 0
        assert "Left out, as results and no recordings: 1 of 4 inputs." in capsys.readouterr().err
        assert contents(output) == before
        # But a folder that is an image is never written into.
        stack = zarr.create_array(folder / "stack", data=np.eye(16, dtype=np.uint16), chunks=(16, 16))
        assert restore(folder / "stack", images[0], "-o", folder / "stack") == 2
        assert "is within the input" in capsys.readouterr().err
        assert (stack[:] == np.eye(16)).all()

    def test_an_image_that_is_named_twice_is_one(
        self, images: list[Path], tmp_path: Path, restore: Restore
    ) -> None:
        assert restore(images[0], images[0], "-o", tmp_path / "outs") == 0
        assert len(contents(tmp_path / "outs")) == 2


class TestToZarr:
    def test_what_is_finished_stays(
        self, images: list[Path], tmp_path: Path, restore: Restore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "out.ome.zarr"
        assert restore(images[0], "-o", output) == 0
        first = capsys.readouterr().out
        before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
        for extra in ([], ["--overwrite"]):
            assert restore(images[0], "-o", output, *extra) == 0
            said = capsys.readouterr()
            assert (said.out, said.err) == (
                first, "Restored already, and left as they are: 1 of 1 images.\n",
            )  # fmt: skip
            assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before
        assert restore(images[1], "-o", output) == 2
        assert "exists already" in capsys.readouterr().err
        assert restore(images[0], "-o", output, "--seed", "1") == 2
        assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before

    def test_what_a_killed_run_left_to_remove_is_removed(
        self, images: list[Path], tmp_path: Path, restore: Restore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It was killed when both results were in their places."""
        output = tmp_path / "out.ome.zarr"
        assert restore(images[0], "-o", output, "--seed", "1") == 0

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr("napari_cvdm.files.unfinished.Unfinished.forget", killed)
            assert restore(images[0], "-o", output, "--overwrite") == 130
        assert (tmp_path / ".out.ome.zarr.unfinished").exists()
        assert restore(images[0], "-o", output, "--overwrite") == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "fields", "out.ome.zarr", "out_uncertainty.ome.zarr",
        ]  # fmt: skip


def test_the_identity_of_a_folder_changes_with_any_of_its_files(tmp_path: Path) -> None:
    data = np.arange(400, dtype=np.uint16).reshape(20, 20)
    array = zarr.create_array(tmp_path / "in.zarr", data=data, chunks=(10, 10))
    for path in (tmp_path / "in.zarr").rglob("*"):
        os.utime(path, (1e9, 1e9))  # a clock may be coarser than the time that this takes
    image = open_image(tmp_path / "in.zarr")
    before = identity_of(image)
    (tmp_path / "in.zarr" / ".DS_Store").write_bytes(b"of macOS, where one has looked into the folder")
    assert identity_of(image) == before
    array[3, 3] = 7
    assert identity_of(image) != before
