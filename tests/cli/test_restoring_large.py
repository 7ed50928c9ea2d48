from __future__ import annotations

import errno
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr

from napari_cvdm.cli import main
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.ome_zarr import create_ome_zarr, plan_layout, write_region
from napari_cvdm.files.ome_zarr_reading import open_ome_zarr, open_pyramid
from napari_cvdm.files.streaming import write_pair
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.models import load_model
from napari_cvdm.restoration.axes import Axes
from napari_cvdm.restoration.restore import restore

FAST = ["--draws", "2", "--steps", "1", "--device", "cpu"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two channels at two times, with sizes and names."""
    data = np.random.default_rng(0).poisson(50, (2, 2, 24, 32)).astype(np.uint16)
    return write_ome_tiff(
        tmp_path / "film.ome.tif", data, "TCYX", 65.0, time_interval_s=0.5, channel_names=["DNA", "actin"]
    )


class TestToZarr:
    def test_writes_pixels_sizes_and_names(
        self, film: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / "new" / "out.ome.zarr"
        assert main(["restore", str(film), "-o", str(output), "--model", str(weights), *FAST]) == 0
        assert names(output.parent) == ["out.ome.zarr", "out_uncertainty.ome.zarr"]
        expected = restore(
            read_tiff(film).data, load_model(weights), axes="TCYX", draws=2, steps=1, device="cpu"
        )
        for name, data in (("out", expected.mean), ("out_uncertainty", expected.std)):
            image = open_ome_zarr(output.parent / f"{name}.ome.zarr")
            np.testing.assert_allclose(image.data[:], data, rtol=1e-5, atol=1e-5 * float(np.ptp(data)))
            assert (image.axes, image.pixel_size, image.time_interval) == ("TCYX", 32.5, 0.5)
            assert image.channel_names == ("DNA", "actin")
        printed = capsys.readouterr()
        assert [Path(line).name for line in printed.out.splitlines()] == names(output.parent)
        assert "1 of 4 regions" in printed.err

    def test_of_a_part(self, film: Path, weights: Path, tmp_path: Path) -> None:
        output = tmp_path / "out.zarr"
        chosen = ["--channels", "1", "--plane", "T=1", "--roi", "4:20,8:32", "--normalize", "plane"]
        assert main(["restore", str(film), "-o", str(output), "--model", str(weights), *chosen, *FAST]) == 0
        expected = restore(
            read_tiff(film).data, load_model(weights), axes="TCYX", draws=2, steps=1, device="cpu",
            channels=[1], planes={"T": 1}, region=((4, 20), (8, 32)), normalize="plane",
        )  # fmt: skip
        image = open_ome_zarr(output)
        np.testing.assert_allclose(image.data[:], expected.mean, rtol=1e-4)
        assert image.channel_names == ("actin",)
        attributes: Any = zarr.open_group(output, mode="r").attrs["ome"]
        transformations = attributes["multiscales"][0]["datasets"][0]["coordinateTransformations"]
        assert transformations[1]["translation"] == [0.5, 1.0, 0.24375, 0.50375]

    @pytest.mark.parametrize("height", [0.065, 0.13])
    @pytest.mark.parametrize("known", [True, False])
    def test_lies_on_an_image_that_lies_elsewhere(
        self, weights: Path, tmp_path: Path, known: bool, height: float
    ) -> None:
        """Also where steps have no unit, or pixels are not square."""
        source, output = tmp_path / "in.zarr", tmp_path / "out.zarr"
        layout = plan_layout(Axes("ZYX", (3, 24, 24)), (3, 24, 24), 24)
        sizes: dict[str, Any] = {"steps": {"Z": 0.3, "Y": height, "X": 0.065}}
        if known:
            sizes = {"pixel_size_nm": 65.0, "pixel_height_nm": 1000 * height, "z_spacing_nm": 300.0}
        create_ome_zarr(source, layout, name="in", origin={"Z": 40, "Y": 1000, "X": 2000}, **sizes)
        pixels = np.random.default_rng(0).uniform(0, 1, (24, 24)).astype(np.float32)
        for plane in range(3):
            write_region(source, layout, (plane,), 0, 0, pixels)
        command = ["restore", str(source), "-o", str(output), "--model", str(weights), "--plane", "Z=1:3"]
        assert main([*command, *FAST]) == 0
        written = open_pyramid(output)
        assert written.units == (("micrometer" if known else None),) * 3
        assert written.scale == pytest.approx((0.3, height / 2, 0.0325))
        assert written.translation == pytest.approx((41 * 0.3, 999.75 * height, 130 - 0.01625))

    def test_a_full_disk_is_named_and_what_is_finished_is_used_again(
        self,
        film: Path,
        weights: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The third block meets a full disk, as zarr reports it: without the name of a file."""
        output, written = tmp_path / "out.ome.zarr", []
        command = ["restore", str(film), "-o", str(output), "--model", str(weights), *FAST]

        def write(*block: Any) -> Any:
            written.append(block)
            if len(written) == 3:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write_pair(*block)

        monkeypatch.setattr("napari_cvdm.files.streaming.write_pair", write)
        assert main(command) == 2
        error = capsys.readouterr().err
        assert f"{output}: No space left on device" in error
        assert "the same command goes on" in error
        assert not output.exists()
        assert main(command) == 0
        assert "2 of 4 regions are there already" in capsys.readouterr().err
        assert names(tmp_path) == ["film.ome.tif", "out.ome.zarr", "out_uncertainty.ome.zarr"]

    def test_a_disk_that_is_full_from_the_start_keeps_nothing_and_claims_nothing(
        self,
        film: Path,
        weights: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def write(*_: Any) -> Any:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("napari_cvdm.files.streaming.write_pair", write)
        output = tmp_path / "out.ome.zarr"
        assert main(["restore", str(film), "-o", str(output), "--model", str(weights), *FAST]) == 2
        error = capsys.readouterr().err
        assert f"{output}: No space left on device" in error
        assert "kept" not in error
        assert names(tmp_path) == ["film.ome.tif"]

    def test_interrupted_goes_on_when_repeated(
        self,
        film: Path,
        weights: Path,
        tmp_path: Path,
        shell: Callable[..., subprocess.Popen[str]],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        output = tmp_path / "out.ome.zarr"
        slow = ["--draws", "24", "--steps", "6", "--device", "cpu"]
        command = ["restore", str(film), "-o", str(output), "--model", str(weights), *slow]
        process = shell(*command)
        assert process.stderr is not None
        while "1 of 4 regions" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "the same command goes on" in error
        assert "Traceback" not in error
        assert not output.exists()
        kept = (tmp_path / ".out.ome.zarr.unfinished" / "finished.txt").read_text().count("block")
        assert 1 <= kept < 4  # it went on until the signal came
        assert main(command) == 0
        assert f"Going on with an unfinished run: {kept} of 4" in capsys.readouterr().err
        assert names(tmp_path) == ["film.ome.tif", "out.ome.zarr", "out_uncertainty.ome.zarr", "shell"]

    @pytest.mark.parametrize(
        ("extra", "words"),
        [
            (["--keep-draws"], "TIFF output only"),
            (["--resample"], "TIFF output only"),
            (["--workers", "0"], "at least 1"),
            (["--workers", "2", "--scheduler", "tcp://127.0.0.1:9"], "not both"),
            (["--channels", "7"], "position 7"),
            (["--normalize", "frame"], "stack"),
        ],
    )
    def test_refuses_in_one_line(
        self, film: Path, weights: Path, tmp_path: Path, extra: list[str], words: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        arguments = ["restore", str(film), "-o", str(tmp_path / "out.zarr"), "--model", str(weights)]
        assert main([*arguments, *FAST, *extra]) == 2
        error = capsys.readouterr().err.splitlines()
        assert words in error[-1]
        assert not any("Traceback" in line for line in error)

    def test_a_message_about_the_input_names_it(
        self, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bad = write_ome_tiff(tmp_path / "bad.tif", np.full((32, 32), 7, np.uint16), "YX", 65.0)
        arguments = ["restore", str(bad), "-o", str(tmp_path / "out.zarr"), "--model", str(weights)]
        assert main([*arguments, *FAST]) == 2
        assert f"napari-cvdm: {bad}: The image is constant" in capsys.readouterr().err
        # A setting is not the image's fault.
        assert main([*arguments, *FAST, "--steps", "0"]) == 2
        assert capsys.readouterr().err.startswith("napari-cvdm: The number of steps")

    def test_never_overwrites_unasked(
        self, film: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "out.zarr").mkdir()
        arguments = ["restore", str(film), "-o", str(tmp_path / "out.zarr"), "--model", str(weights), *FAST]
        assert main(arguments) == 2
        assert "exists already" in capsys.readouterr().err
        assert main([*arguments, "--overwrite"]) == 0

    @pytest.mark.parametrize("source", ["out.zarr", "out_uncertainty.zarr", "."])
    def test_never_writes_to_its_input(
        self, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = tmp_path / source
        data = np.arange(400, dtype=np.uint16).reshape(20, 20)
        zarr.create_array(folder, data=data, chunks=(10, 10), overwrite=True)
        before = names(folder)
        assert main(["restore", str(folder), "-o", str(tmp_path / "out.zarr"), "--overwrite"]) == 2
        assert "never written to" in capsys.readouterr().err
        assert names(folder) == before

    @pytest.mark.parametrize("inside", ["0", "A/1/0"])
    def test_never_replaces_what_its_input_lies_in(
        self, inside: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = tmp_path / "box.zarr" / inside
        zarr.create_array(folder, data=np.arange(400, dtype=np.uint16).reshape(20, 20), chunks=(10, 10))
        assert main(["restore", str(folder), "-o", str(tmp_path / "box.zarr"), "--overwrite"]) == 2
        assert "never written to" in capsys.readouterr().err
        assert folder.is_dir()

    def test_a_link_that_leads_back_to_itself_is_said(
        self, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "out.zarr").symlink_to("out.zarr")
        assert main(["restore", str(film), "-o", str(tmp_path / "out.zarr")]) == 2
        assert "out.zarr is a link that leads back to itself" in capsys.readouterr().err

    def test_takes_one_image(self, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["restore", str(film), str(film), "-o", str(tmp_path / "out.zarr")]) == 2
        assert "one by one" in capsys.readouterr().err


class TestFromZarr:
    def test_to_tiff_and_to_zarr(self, film: Path, weights: Path, tmp_path: Path) -> None:
        sharp, sharper = tmp_path / "sharp.zarr", tmp_path / "sharper"
        options = ["--model", str(weights), *FAST]
        assert main(["restore", str(film), "-o", str(sharp), *options]) == 0
        for ending in (".ome.zarr", ".ome.tif"):
            output = tmp_path / f"sharper{ending}"
            assert main(["restore", str(sharp), "-o", str(output), "--plane", "T=0", *options]) == 0
        again = open_ome_zarr(sharper.with_name("sharper.ome.zarr"))
        tiff = read_tiff(sharper.with_name("sharper.ome.tif"))
        assert again.pixel_size == tiff.pixel_size == 16.25
        assert again.data.shape == (1, 2, 96, 128)
        np.testing.assert_allclose(np.squeeze(again.data[:]), np.squeeze(tiff.data), rtol=1e-3, atol=1e-3)


def test_clusters_need_zarr_output(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", str(film), "-o", str(tmp_path / "out.tif"), "--workers", "2"]) == 2
    assert "OME-Zarr output" in capsys.readouterr().err


def test_a_gpu_is_for_the_workers_of_a_cluster_to_have(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(scheduler: str, workers: None) -> None:
        raise ValueError(f"No dask scheduler answers at {scheduler}.")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("napari_cvdm.restoration.cluster.cluster", unanswered)
    arguments = [
        "restore",
        str(film),
        "-o",
        str(tmp_path / "out.zarr"),
        "--scheduler",
        "tcp://a:1",
        "--device",
    ]
    assert main([*arguments, "cuda"]) == 2
    assert "No dask scheduler answers at tcp://a:1" in capsys.readouterr().err
    assert main([*arguments, "gpu"]) == 2
    assert "Unknown device 'gpu'" in capsys.readouterr().err
