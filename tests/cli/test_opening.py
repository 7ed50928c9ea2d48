"""One of several images, one image of several files, and a part of what memory has no room for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cvdm.cli import main
from napari_cvdm.files import tiff
from napari_cvdm.files.image_set import StoredImage
from napari_cvdm.files.ome_tiff import read_provenance, write_ome_tiff
from napari_cvdm.files.ome_zarr_reading import open_ome_zarr, open_pyramid
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.files.zarr_set import write_zarr_set
from napari_cvdm.models import load_model
from napari_cvdm.restoration.restore import restore

from ..files.conftest import write_ome_set

IMAGES = np.random.default_rng(0).poisson(50, (3, 24, 32)).astype(np.uint16)


def preview(*arguments: str | Path, weights: Path) -> int:
    return main(["restore", *map(str, arguments), "--model", str(weights), "--preview", "--device", "cpu"])


@pytest.mark.parametrize(("chosen", "told"), [([], True), (["--channels", "0,1,2"], False)])
def test_a_channel_that_may_be_opacity_is_told_with_the_option_that_leaves_it_out(
    tmp_path: Path, weights: Path, chosen: list[str], told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.stack([*IMAGES, IMAGES[0]], axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    assert preview(tmp_path / "a.tif", "-o", tmp_path / "out.tif", *chosen, weights=weights) == 0
    warned = "warning: a.tif calls the last of its 4 colours opacity (alpha)"
    said = capsys.readouterr().err
    assert (warned in said, "leave it out: --channels 0,1,2." in said) == (told, told)
    assert read_tiff(tmp_path / "out.tif").data.shape == (4 if told else 3, 48, 64)


class TestSeveralImages:
    @pytest.fixture
    def positions(self, tmp_path: Path) -> Path:
        source = tmp_path / "positions.ome.tif"
        with tifffile.TiffWriter(source, ome=True) as writer:
            for image in IMAGES:
                writer.write(image, metadata={"axes": "YX"})
        return source

    @pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
    def test_one_is_restored_as_the_user_says(
        self, positions: Path, ending: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        output = tmp_path / f"out{ending}"
        assert preview(positions, "-o", output, weights=weights) == 0
        said = capsys.readouterr().err
        assert "warning: positions.ome.tif holds 3 images, and only the first is restored" in said
        assert "--image (0 to 2)" in said
        assert preview(positions, "-o", output, "--overwrite", "--image", "2", weights=weights) == 0
        assert "holds 3 images" not in capsys.readouterr().err
        expected = restore(IMAGES[2], load_model(weights), preview=True, device="cpu").mean
        to_tiff = ending == ".ome.tif"
        pixels = read_tiff(output).data if to_tiff else open_ome_zarr(output).data[:]
        np.testing.assert_allclose(pixels, expected, rtol=1e-4, atol=1e-4 * np.ptp(expected))
        noted = read_provenance(output) if to_tiff else open_pyramid(output).provenance
        assert noted is not None
        assert noted["image"] == 2

    def test_one_that_is_not_there_is_told_how_many_there_are(
        self, positions: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert preview(positions, "-o", tmp_path / "out.tif", "--image", "3", weights=weights) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"napari-cvdm: {positions} holds 3 images, numbers 0 to 2;")

    def test_one_in_an_ome_zarr_folder_is_chosen_likewise(
        self, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder, output = tmp_path / "in.zarr", tmp_path / "out.ome.tif"
        write_zarr_set(folder, [StoredImage(str(n), image, "YX", None, {}) for n, image in enumerate(IMAGES)])
        assert preview(folder, "-o", output, weights=weights) == 0
        assert "warning: in.zarr holds 3 images, and only the first is restored" in capsys.readouterr().err
        assert preview(folder, "-o", output, "--overwrite", "--image", "2", weights=weights) == 0
        expected = restore(IMAGES[2], load_model(weights), preview=True, device="cpu").mean
        np.testing.assert_allclose(read_tiff(output).data, expected, rtol=1e-4, atol=1e-4 * np.ptp(expected))
        assert main(["check", str(output), "--without-model"]) == 0  # against that image

    def test_the_one_that_was_restored_is_what_its_result_is_checked_against(
        self, positions: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        larger = write_ome_tiff(tmp_path / "larger.ome.tif", np.tile(IMAGES[2], (2, 2)))
        with tifffile.TiffWriter(positions, ome=True) as writer:
            for image in (IMAGES[0], read_tiff(larger).data):
                writer.write(image, metadata={"axes": "YX"})
        output = tmp_path / "out.ome.tif"
        assert preview(positions, "-o", output, "--image", "1", weights=weights) == 0
        check = ["check", str(output), "--without-model", "--overwrite"]
        assert main(check) == 0
        # Saved to a file of its own, it is the first.
        assert main([*check, "--input", str(larger)]) == 0
        assert main([*check, "--input", str(write_ome_tiff(tmp_path / "first.tif", IMAGES[0]))]) == 2
        assert "cannot belong to 24 × 32 pixels" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
def test_of_a_result_it_is_said_that_it_is_no_recording(
    ending: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_ome_tiff(tmp_path / "in.tif", IMAGES[0], "YX", 65.0)
    assert preview(source, "-o", tmp_path / f"out{ending}", weights=weights) == 0
    assert "not a recording" not in capsys.readouterr().err
    for name, content in (("out", "reconstruction"), ("out_uncertainty", "uncertainty")):
        again = tmp_path / f"{name}{ending}"
        assert preview(again, "-o", tmp_path / f"{name}2.ome.tif", weights=weights) == 0
        said = capsys.readouterr().err
        assert f"warning: {again.name} is a result already ({content}), not a recording" in said


class TestSetsOfFiles:
    def test_are_restored_once(
        self, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        films = tmp_path / "films"
        films.mkdir()
        write_ome_set(films, [[(f"t{time}.ome.tif", IMAGES[time : time + 1]) for time in range(3)]])
        other = write_ome_tiff(films / "u.ome.tif", IMAGES[0], pixel_size_nm=65.0)
        output = tmp_path / "outs"
        inputs = [films / "t1.ome.tif", films / "t0.ome.tif", films / "t2.ome.tif", other]
        assert preview(*inputs, "-o", output, weights=weights) == 0
        said = capsys.readouterr().err.splitlines()
        assert "warning: t1.ome.tif is one of a set of 3 files: all of them are restored." in said
        assert [line for line in said if "belongs" in line] == [
            f"{name} belongs to t1.ome.tif, restored already." for name in ("t0.ome.tif", "t2.ome.tif")
        ]
        assert sorted(path.name for path in output.iterdir()) == [
            f"{name}_cvdm{ending}.ome.tif" for name in ("t1", "u") for ending in ("", "_uncertainty")
        ]
        assert read_tiff(output / "t1_cvdm.ome.tif").data.shape == (3, 48, 64)

    def test_are_inputs_all_of_them(
        self, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_ome_set(tmp_path, [[(f"t{time}.ome.tif", IMAGES[time : time + 1]) for time in range(2)]])
        other = tmp_path / "t1.ome.tif"
        before = other.read_bytes()
        assert preview(tmp_path / "t0.ome.tif", "-o", other, "--overwrite", weights=weights) == 2
        assert f"{other} is an input, which is never written to" in capsys.readouterr().err
        assert other.read_bytes() == before

    def test_planes_are_counted_through_all_of_one(
        self, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_ome_set(tmp_path, [[(f"t{time}.ome.tif", IMAGES[time : time + 1]) for time in range(3)]])
        output = tmp_path / "out.ome.tif"
        assert preview(tmp_path / "t0.ome.tif", "-o", output, "--plane", "T=2", weights=weights) == 0
        assert "set of 3 files: planes are counted through all of them." in capsys.readouterr().err
        expected = restore(IMAGES[2], load_model(weights), preview=True, device="cpu").mean
        np.testing.assert_allclose(read_tiff(output).data, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("part", "chosen"),
    [
        (["--plane", "T=2"], {"planes": {"T": 2}}),
        (["--channels", "1"], {"channels": [1]}),
        (
            ["--roi", "0:16,8:32", "--normalize", "whole"],
            {"region": ((0, 16), (8, 32)), "normalize": "whole"},
        ),
    ],
    ids=["plane", "channel", "region"],
)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_part_of_what_does_not_fit_in_memory_is_restored(
    part: list[str],
    chosen: dict[str, object],
    compression: str | None,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    film = np.stack([IMAGES, IMAGES[::-1] + 7], axis=1)
    source, output = tmp_path / "film.ome.tif", tmp_path / "out.ome.tif"
    tifffile.imwrite(source, film, ome=True, metadata={"axes": "TCYX"}, compression=compression)

    def too_large(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tiff, "read_image", too_large)
    assert preview(source, "-o", output, weights=weights) == 2
    error = capsys.readouterr().err
    assert "does not fit in memory. Restore a part of it (in a shell --plane or --roi)" in error
    assert preview(source, "-o", output, *part, weights=weights) == 0
    monkeypatch.undo()
    model = load_model(weights)
    expected = restore(film, model, axes="TCYX", preview=True, device="cpu", **chosen).mean  # type: ignore[arg-type]
    np.testing.assert_array_equal(read_tiff(output).data, np.squeeze(expected))
