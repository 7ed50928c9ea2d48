from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from napari_cvdm.cli import main
from napari_cvdm.files.image_file import ImageFile
from napari_cvdm.files.ome_tiff import read_provenance, write_ome_tiff
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.models import load_model
from napari_cvdm.restoration.restore import restore
from napari_cvdm.restoration.result import Restoration

FAST = ["--draws", "2", "--steps", "1", "--device", "cpu"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestRestoring:
    def test_reconstruction_and_uncertainty_are_written_with_size_and_origin(
        self, tmp_path: Path, image: Path, weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "new" / "out.ome.tif"
        arguments = ["restore", str(image), "-o", str(output), "--model", str(weights), "--seed", "5", *FAST]
        assert main(arguments) == 0
        assert names(output.parent) == ["out.ome.tif", "out_uncertainty.ome.tif"]
        source = read_tiff(image)
        expected = restore(
            source.data,
            load_model(weights),
            axes="TYX",
            pixel_size=65.0,
            draws=2,
            steps=1,
            seed=5,
            device="cpu",
        )
        for name, data in (("out.ome.tif", expected.mean), ("out_uncertainty.ome.tif", expected.std)):
            written = read_tiff(output.parent / name)
            np.testing.assert_array_equal(written.data, data)
            assert written.data.dtype == np.float32
            assert written.axes == "TYX"
            assert written.pixel_size == pytest.approx(32.5)
            assert written.time_interval == pytest.approx(0.5)
            provenance = read_provenance(output.parent / name)
            assert provenance is not None
            assert provenance["model"] == {"name": "tiny", "sha256": load_model(weights).sha256}
            assert (provenance["draws"], provenance["steps"], provenance["seed"]) == (2, 1, 5)
            assert provenance["source"] == "cells.ome.tif"
        captured = capsys.readouterr()
        assert captured.out.splitlines() == [str(output), str(tmp_path / "new" / "out_uncertainty.ome.tif")]
        assert "100 %" in captured.err

    def test_what_the_user_says_of_the_image_counts(
        self, tmp_path: Path, image: Path, weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "out.ome.tif"
        said = ["--axes", "CYX", "--pixel-size", "200", "--tile", "24"]
        arguments = ["restore", str(image), "-o", str(output), "--model", str(weights), *said, *FAST]
        assert main(arguments) == 0
        written = read_tiff(output)
        assert (written.axes, written.pixel_size) == ("CYX", pytest.approx(100.0))
        provenance = read_provenance(output)
        assert provenance is not None
        assert provenance["tile"]["requested"] == 24
        warning = next(
            line
            for line in capsys.readouterr().err.splitlines()
            if line.startswith("warning: cells.ome.tif: ")
        )
        assert "200 nm" in warning

    def test_kept_draws_are_files_whose_mean_is_the_reconstruction(
        self, tmp_path: Path, image: Path, weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = [
            "restore",
            str(image),
            "-o",
            str(tmp_path / "out"),
            "--keep-draws",
            "--model",
            str(weights),
        ]
        assert main([*arguments, *FAST]) == 0
        assert names(tmp_path / "out") == [
            "cells_cvdm.ome.tif",
            "cells_cvdm_draw01.ome.tif",
            "cells_cvdm_draw02.ome.tif",
            "cells_cvdm_uncertainty.ome.tif",
        ]
        said = capsys.readouterr().out.splitlines()
        assert sorted(Path(line).name for line in said) == names(tmp_path / "out")
        draws = [read_tiff(tmp_path / "out" / f"cells_cvdm_draw0{k}.ome.tif").data for k in (1, 2)]
        mean = read_tiff(tmp_path / "out" / "cells_cvdm.ome.tif").data
        np.testing.assert_allclose(np.mean(draws, axis=0), mean, rtol=1e-4, atol=1e-3)

    def test_a_preview_makes_no_draws_and_says_so(
        self, tmp_path: Path, image: Path, weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["restore", str(image), "-o", str(tmp_path / "out.tif"), "--preview", "--keep-draws"]
        assert main([*arguments, "--model", str(weights)]) == 0
        assert "none to keep" in capsys.readouterr().err
        assert names(tmp_path) == ["in", "out.tif", "out_uncertainty.ome.tif"]
        provenance = read_provenance(tmp_path / "out.tif")
        assert provenance is not None
        assert provenance["draws"] == 0

    def test_several_images_and_names_of_channels(self, tmp_path: Path, image: Path, weights: Path) -> None:
        data = np.random.default_rng(1).random((2, 16, 16)).astype(np.float32)
        other = write_ome_tiff(image.parent / "two.tif", data, "CYX", channel_names=["actin", "DNA"])
        output = tmp_path / "out"
        assert (
            main(["restore", str(image), str(other), "-o", str(output), "--model", str(weights), *FAST]) == 0
        )
        assert len(names(output)) == 4
        written = read_tiff(output / "two_cvdm.ome.tif")
        assert written.channel_names == ("actin", "DNA")
        assert written.pixel_size is None

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--axes", "TZYX"], "TZYX"),
            (["--pixel-size", "nan"], "pixel size"),
            (["--tile", "some"], "tile"),
        ],
    )
    def test_bad_settings_are_one_line_and_no_file(
        self,
        tmp_path: Path,
        image: Path,
        weights: Path,
        arguments: list[str],
        message: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        start = ["restore", str(image), "-o", str(tmp_path / "out.tif"), "--model", str(weights)]
        assert main([*start, *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1
        assert message in captured.err
        assert names(tmp_path) == ["in"]

    def test_a_folder_of_images_is_said_to_be_one_wherever_results_go(
        self, image: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = image.parent
        for output in (folder / "restored", folder, folder / "out.tif"):
            assert main(["restore", str(folder), "-o", str(output), "--model", "nonesuch"]) == 2
            error = capsys.readouterr().err
            assert (
                error == f"napari-cvdm: {folder} is a folder, not a TIFF file: name the TIFF files in it.\n"
            )

    @pytest.mark.parametrize("name", ["absent.tif", "text.tif", "empty.tif", ""])
    def test_bad_files_are_one_line_before_the_model_is_loaded(
        self, tmp_path: Path, image: Path, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (image.parent / "text.tif").write_text("not an image")
        (image.parent / "empty.tif").write_bytes(b"")
        source = image.parent / name
        output = tmp_path / "out.tif"
        assert main(["restore", str(source), "-o", str(output), "--model", "nonesuch", *FAST]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert str(source) in error
        assert not output.exists()

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_an_interrupted_run_leaves_no_file(
        self,
        tmp_path: Path,
        image: Path,
        weights: Path,
        shell: Callable[..., subprocess.Popen[str]],
        number: signal.Signals,
        code: int,
    ) -> None:
        process = shell(
            "restore", image, "-o", tmp_path / "out", "--model", weights, "--draws", 200, "--steps", 200
        )
        assert process.stderr is not None
        assert "first picture" in process.stderr.readline()
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
        assert process.returncode == code
        assert "Traceback" not in error
        assert names(tmp_path) == ["in", "shell"]


class TestDrawsOfEarlierRuns:
    def test_go_once_the_new_result_is_there(
        self, tmp_path: Path, image: Path, weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "r.ome.tif"
        arguments = ["restore", str(image), "-o", str(output), "--model", str(weights), "--device", "cpu"]
        fast = ["--steps", "1", "--keep-draws"]
        assert main([*arguments, "--draws", "4", *fast]) == 0
        assert len(list(tmp_path.glob("r_draw0?.ome.tif"))) == 4
        notes = tmp_path / "r_draw09.ome.tif"
        notes.write_text("somebody else's")
        assert main([*arguments, "--draws", "2", "--seed", "5", *fast, "--overwrite"]) == 0
        assert names(tmp_path) == [
            "in", "r.ome.tif", "r_draw01.ome.tif", "r_draw02.ome.tif", notes.name, "r_uncertainty.ome.tif",
        ]  # fmt: skip
        assert (read_provenance(tmp_path / "r_draw02.ome.tif") or {})["seed"] == 5
        # A run that fails changes nothing.
        assert main([*arguments, "--preview", "--roi", "0:64,0:64", "--overwrite"]) == 2
        assert (tmp_path / "r_draw01.ome.tif").exists()
        assert main([*arguments, "--preview", "--roi", "0:16,0:16", "--overwrite"]) == 0
        assert names(tmp_path) == ["in", "r.ome.tif", notes.name, "r_uncertainty.ome.tif"]

    def test_stay_without_leave_to_overwrite(self, tmp_path: Path, image: Path, weights: Path) -> None:
        output = tmp_path / "r.ome.tif"
        arguments = ["restore", str(image), "-o", str(output), "--model", str(weights), *FAST]
        assert main([*arguments, "--keep-draws"]) == 0
        output.unlink()
        (tmp_path / "r_uncertainty.ome.tif").unlink()
        assert main(arguments) == 0
        assert (tmp_path / "r_draw01.ome.tif").exists()

    def test_never_go_when_they_are_the_input(self, tmp_path: Path, image: Path, weights: Path) -> None:
        output = tmp_path / "r.ome.tif"
        arguments = ["-o", str(output), "--model", str(weights), *FAST]
        assert main(["restore", str(image), *arguments, "--keep-draws"]) == 0
        draw = tmp_path / "r_draw01.ome.tif"
        assert main(["restore", str(draw), *arguments, "--overwrite"]) == 0
        assert draw.exists()
        assert not (tmp_path / "r_draw02.ome.tif").exists()
        # Nor when they are named among others, and left out.
        assert main(["restore", str(image), str(draw), *arguments, "--overwrite"]) == 0
        assert draw.exists()


class TestFailures:
    @pytest.fixture
    def bad(self, image: Path) -> Path:
        return write_ome_tiff(image.parent / "bad.tif", np.full((16, 16), 7, np.uint16), "YX", 65.0)

    def test_of_one_input_name_it_in_one_line(
        self, tmp_path: Path, bad: Path, weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["restore", str(bad), "-o", str(tmp_path / "out.tif"), "--model", str(weights)]
        assert main([*arguments, *FAST]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"napari-cvdm: {bad}: The image is constant")
        assert error.count("\n") == 1

    def test_do_not_keep_other_inputs_from_being_restored(
        self, tmp_path: Path, image: Path, bad: Path, weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        absent, output = image.parent / "absent.tif", tmp_path / "outs"
        folder = image.parent / "gone.ome.zarr"
        inputs = [str(each) for each in (bad, absent, image, folder)]
        assert main(["restore", *inputs, "-o", str(output), "--model", str(weights), "--preview"]) == 2
        assert names(output) == ["cells_cvdm.ome.tif", "cells_cvdm_uncertainty.ome.tif"]
        captured = capsys.readouterr()
        assert captured.out.splitlines() == [str(output / name) for name in names(output)]
        lines = captured.err.splitlines()
        # What can be told without reading is told before the first image, and the rest as it happens.
        assert lines[:2] == [f"error: There is no file {absent}.", f"error: There is no folder {folder}."]
        assert lines[2].startswith(f"error: {bad}: The image is constant")
        # Then the good one, and how it went.
        assert lines[3].startswith(f"{image.name} (3 of 4): ")
        assert lines[-1] == "napari-cvdm: 3 of 4 images could not be restored."
        assert lines[-4:-1] == [line.replace("error", "not restored", 1) for line in lines[:3]]
        assert sum(line.startswith("error") for line in lines) == 3

    def test_of_a_file_that_may_not_be_read_count_for_that_image_alone(
        self,
        tmp_path: Path,
        image: Path,
        weights: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        locked, access, opened = image.with_name("locked.tif"), os.access, Path.open
        locked.write_bytes(image.read_bytes())

        def refused(path: Path, *arguments: Any, **options: Any) -> Any:
            if path == locked:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return opened(path, *arguments, **options)

        # As for a user who may not; the tests may be run by one who may everything.
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != locked and access(path, mode))
        monkeypatch.setattr(Path, "open", refused)
        arguments = [str(locked), str(image), "-o", str(tmp_path / "outs"), "--model", str(weights)]
        assert main(["restore", *arguments, "--preview"]) == 2
        assert names(tmp_path / "outs") == ["cells_cvdm.ome.tif", "cells_cvdm_uncertainty.ome.tif"]
        assert f"not restored: {locked} cannot be read: Permission denied." in capsys.readouterr().err

    def test_of_writing_count_for_that_image_alone(
        self, tmp_path: Path, image: Path, weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        second, output = image.with_name("second.ome.tif"), tmp_path / "outs"
        second.write_bytes(image.read_bytes())
        output.mkdir()
        (output / "cells_cvdm.ome.tif").mkdir()  # where a file must go there is a folder
        arguments = ["restore", str(image), str(second), "-o", str(output), "--model", str(weights)]
        assert main([*arguments, "--preview", "--overwrite"]) == 2
        error = capsys.readouterr().err
        assert f"error: {image}: {output / 'cells_cvdm.ome.tif'} cannot be written" in error
        assert error.endswith("napari-cvdm: 1 of 2 images could not be restored.\n")
        assert (output / "second_cvdm.ome.tif").is_file()

    def test_of_the_list_of_results_are_no_fault_of_an_image(
        self,
        tmp_path: Path,
        image: Path,
        weights: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Stdout goes to a disk that is full, and the results to one that is not."""
        second, echo = image.with_name("second.ome.tif"), typer.echo
        second.write_bytes(image.read_bytes())

        def full(words: object, *, err: bool = False) -> None:
            if not err:
                raise OSError(errno.ENOSPC, "No space left on device")
            echo(words, err=err)

        monkeypatch.setattr(typer, "echo", full)
        arguments = [str(image), str(second), "-o", str(tmp_path / "outs"), "--model", str(weights)]
        assert main(["restore", *arguments, "--preview"]) == 2
        error = capsys.readouterr().err
        assert "not restored" not in error
        assert error.endswith("napari-cvdm: No space left on device\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--model", "nonesuch"], "no model named"),
            (["--device", "gpu"], "Unknown device 'gpu'"),
            (["--steps", "0"], "steps"),
            (["--draws", "0"], "draws"),
            (["--tile", "-3"], "tile"),
            (["--pixel-size", "-65"], "pixel size"),
            (["--axes", "TWX"], "Unknown axes 'W'"),
            (["--normalize", "none"], "normalize"),
            (["--preset", "best"], "no preset 'best'"),
            (["--preset", "preview", "--draws", "2"], "leave out --draws, or the preview"),
            (["--preview", "--draws", "2", "--steps", "1"], "leave out --draws and --steps, or the preview"),
            (["-o", "in/bad.tif/outs"], "is not a folder"),
        ],
    )
    def test_of_all_inputs_alike_stop_before_the_first(
        self,
        tmp_path: Path,
        image: Path,
        bad: Path,
        weights: Path,
        arguments: list[str],
        message: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        start = ["restore", str(bad), str(image), "-o", "outs", "--model", str(weights)]
        assert main([*start, *arguments]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert error.startswith("napari-cvdm: ")
        assert message in error
        assert bad.name not in error.replace("in/bad.tif is not", "")
        assert names(tmp_path) == ["in"]

    @pytest.mark.parametrize("axes", ["Y", "YX" * 20, " "])
    def test_axes_that_no_image_has_are_said_of_each(
        self, tmp_path: Path, image: Path, weights: Path, axes: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["restore", str(image), "-o", str(tmp_path / "out.tif"), "--model", str(weights)]
        assert main([*arguments, "--axes", axes]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"napari-cvdm: {image}: ")
        assert error.count("\n") == 1

    def test_an_interruption_ends_them_all(
        self,
        tmp_path: Path,
        image: Path,
        bad: Path,
        weights: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        from napari_cvdm.cli import restoring

        second, tried = image.with_name("second.ome.tif"), []
        second.write_bytes(image.read_bytes())
        restored = restoring.restore_image

        def interrupted(each: ImageFile, *how: Any) -> Restoration:
            tried.append(Path(each.source))
            if Path(each.source) == image:
                raise KeyboardInterrupt
            return restored(each, *how)

        monkeypatch.setattr(restoring, "restore_image", interrupted)
        inputs = [str(bad), str(image), str(second)]
        assert main(["restore", *inputs, "-o", str(tmp_path / "outs"), "--model", str(weights), *FAST]) == 130
        assert tried == [bad, image]
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith(f"error: {bad}")
        assert lines[1:] == ["napari-cvdm: interrupted"]
        assert not (tmp_path / "outs").exists()


class TestPresets:
    def test_a_preset_stands_for_the_amount_of_work(
        self, tmp_path: Path, image: Path, weights: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "out.ome.tif"
        arguments = ["restore", str(image), "-o", str(output), "--model", str(weights), "--preset", "preview"]
        assert main(arguments) == 0
        assert (read_provenance(output) or {})["draws"] == 0
        assert main([*arguments, "--draws", "2", "--overwrite"]) == 2
        assert "leave out --draws" in capsys.readouterr().err

    def test_a_slash_at_the_end_names_a_folder(self, tmp_path: Path, image: Path, weights: Path) -> None:
        folder = tmp_path / "2024.01.05"
        assert main(["restore", str(image), "-o", f"{folder}/", "--model", str(weights), *FAST]) == 0
        assert sorted(path.name for path in folder.iterdir()) == [
            "cells_cvdm.ome.tif",
            "cells_cvdm_uncertainty.ome.tif",
        ]

    def test_pixels_unknown_to_the_model_are_resampled_on_request(
        self, tmp_path: Path, image: Path, weights: Path
    ) -> None:
        output = tmp_path / "out.ome.tif"
        arguments = ["restore", str(image), "-o", str(output), "--model", str(weights), *FAST]
        assert main([*arguments, "--pixel-size", "165", "--resample"]) == 0
        written = read_tiff(output)
        assert written.data.shape == (2, 72, 96)
        assert written.pixel_size == pytest.approx(55)
