"""What a result was made from is found again: channel, plane, region, resampled pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_cvdm.cli import main
from napari_cvdm.cli.matching import plane_of, restored_part
from napari_cvdm.files.image_file import ImageFile
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.restoration.resampling import plan_resampling, resample_plane
from napari_cvdm.simulation.pairs import simulate_pair
from napari_cvdm.simulation.ranges import AcquisitionRanges

STACK = np.arange(2 * 3 * 20 * 24).reshape(2, 3, 20, 24)
FIRST = {"T": 0, "C": 0}


@pytest.fixture
def stack(tmp_path: Path) -> ImageFile:
    return read_tiff(write_ome_tiff(tmp_path / "stack.ome.tif", STACK.astype("u2"), "TCYX", 65.0))


def test_planes_are_those_that_were_chosen(stack: ImageFile) -> None:
    np.testing.assert_array_equal(plane_of(stack, {"T": 1, "C": 2})[:, :], STACK[1, 2])
    # The result has one channel, the third, and has lost the axis; of time it has the second alone.
    said = {"selection": {"planes": {"C": [2], "T": [1]}}}
    np.testing.assert_array_equal(restored_part(stack, {}, said)[0], STACK[1, 2])
    said = {"selection": {"planes": {"C": [2, 0]}}}
    np.testing.assert_array_equal(restored_part(stack, {"T": 1, "C": 1}, said)[0], STACK[1, 0])
    assert restored_part(stack, FIRST, {})[1] == pytest.approx(65)
    assert restored_part(stack, FIRST, {"pixel_size_nm": 80.0})[1] == 80


@pytest.mark.parametrize(
    ("own", "named", "index"),
    [
        ("QSYX", "TCYX", {"T": 1, "C": 2}),  # as a file calls an array of numpy's, and the user's names
        ("QSYX", "QSYX", {"T": 1, "C": 2}),
        ("QQYX", "QQYX", {"T": 1, "Z": 2}),
        ("QQYX", "QTYX", {"Z": 1, "T": 2}),
        ("ZTYX", "TZYX", {"T": 1, "Z": 2}),  # the user's names count, not the file's
        ("QQYX", "ZCYX", {"C": 2, "Z": 1}),
        ("TSYX", None, {"T": 1, "C": 2}),
        ("QQYX", None, {"T": 1, "C": 2}),  # in the order they were written in
        ("QTYX", None, {"C": 1, "T": 2}),
        ("TCYX", "TYX", {"T": 1, "C": 2}),  # the names of another array
        ("TCYX", "TCVX", {"T": 1, "C": 2}),
    ],
)
def test_axes_of_other_names_are_found_again(own: str, named: str | None, index: dict[str, int]) -> None:
    said = {} if named is None else {"axes": named}
    image = ImageFile(STACK, own, "a.tif")
    np.testing.assert_array_equal(restored_part(image, index, said)[0], STACK[1, 2])


def test_axes_of_one_plane_that_the_file_has_no_room_for_are_found_again() -> None:
    image = ImageFile(np.stack([STACK - 1, STACK])[:, None], "QQQQYX", "a.tif")
    for named, planes, index in (
        ("QZTCYX", None, {"Z": 1, "T": 1, "C": 2}),  # in the file, Q is Z
        ("QZTCYX", {"Q": [1]}, {"T": 1, "C": 2}),
        ("QQQQYX", {"0Q": [1]}, {"Z": 1, "C": 2}),
    ):
        said = {"axes": named, "selection": None if planes is None else {"planes": planes}}
        np.testing.assert_array_equal(restored_part(image, index, said)[0], STACK[1, 2])


def test_chosen_planes_of_axes_of_other_names_are_found_again() -> None:
    image = ImageFile(STACK, "QQYX", "a.tif")
    for named, planes, index in (
        ("QSYX", {"S": [2]}, {"T": 1}),
        ("QQYX", {"1Q": [2]}, {"T": 1}),
        ("QQYX", {"0Q": [1]}, {"Z": 2}),
        ("QQYX", {"1Q": [0, 2]}, {"T": 1, "Z": 1}),
        ("TCYX", {"C": [2], "T": [1]}, {}),
    ):
        said = {"axes": named, "selection": {"planes": planes}}
        np.testing.assert_array_equal(restored_part(image, index, said)[0], STACK[1, 2])
    with pytest.raises(ValueError, match="which of the axes Q its planes"):
        restored_part(image, {"T": 1}, {"axes": "QQYX", "selection": {"planes": {"Q": [2]}}})


@pytest.mark.parametrize("index", [{}, {"T": 1}, {"Z": 1}, {"T": 1, "Z": 0, "Q": 0}])
def test_an_axis_without_a_partner_is_not_guessed(stack: ImageFile, index: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"planes along [TC], and the result does not say which.*choose the"):
        restored_part(stack, index, {})


def test_user_named_axes_are_checked_against_their_own_planes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thin = AcquisitionRanges(haze=(0.0, 0.2))
    planes = [simulate_pair("mitochondria", n, 64, photons=800.0, ranges=thin)[0] for n in range(4)]
    source = tmp_path / "four.tif"
    tifffile.imwrite(source, np.reshape(planes, (2, 2, 64, 64)), photometric="minisblack")
    result = tmp_path / "four_out.ome.tif"
    assert main(["restore", str(source), "-o", str(result), "--preview", "--axes", "TCYX"]) == 0
    assert main(["check", str(result), "--without-model", "--plane", "T=1,C=1"]) == 0
    said = next(line for line in capsys.readouterr().out.splitlines() if "Agreement" in line)
    assert said.startswith("good"), said


def test_a_region_is_cut_out(stack: ImageFile) -> None:
    said = {"selection": {"planes": {}, "region": {"rows": [2, 20], "columns": [5, 24]}}}
    np.testing.assert_array_equal(restored_part(stack, FIRST, said)[0], STACK[0, 0, 2:, 5:])


def test_resampling_is_done_again(stack: ImageFile, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_resampling((20, 24), 130.0, (30.0, 100.0))
    assert plan is not None
    said: dict[str, Any] = {"resampling": plan.describe(), "pixel_size_nm": plan.new_pixel_size}
    plane, size = restored_part(stack, FIRST, said)
    np.testing.assert_allclose(plane, resample_plane(STACK[0, 0].astype("u2"), plan))
    assert size == plan.new_pixel_size
    assert "resampled" in capsys.readouterr().err


@pytest.mark.parametrize(
    "said",
    [
        {"selection": {"planes": {"C": [7]}}},
        {"selection": {"planes": {"C": "all"}}},
        {"selection": "all"},
        {"selection": {"region": {"rows": [0, 30], "columns": [0, 24]}}},
        {"selection": {"region": {"rows": [5, 5], "columns": [0, 24]}}},
        {"selection": {"region": {"rows": "all", "columns": [0, 24]}}},
        {"selection": {"region": {"rows": [-4, 10], "columns": [0, 24]}}},
        {"resampling": {"from_plane_shape": [20, 25], "to_plane_shape": [40, 50]}},
        {"resampling": {"from_plane_shape": [20, 24], "to_plane_shape": [20000, 24]}},
        {"resampling": {"from_plane_shape": [20, 24]}},
    ],
)
def test_what_the_image_does_not_have_ends_in_a_sentence(stack: ImageFile, said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"choose the image|does not say clearly"):
        restored_part(stack, FIRST, said)


@pytest.mark.parametrize(
    "options", [["--channels", "1"], ["--channels", "1", "--roi", "8:56,16:64"]], ids=["channel", "region"]
)
def test_a_part_is_checked_against_the_part_it_was_made_from(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thin = AcquisitionRanges(haze=(0.0, 0.2))
    channels = [
        simulate_pair(kind, 2, 64, photons=800.0, ranges=thin)[0] for kind in ("mitochondria", "microtubules")
    ]
    source = write_ome_tiff(tmp_path / "two.ome.tif", np.stack(channels), "CYX", 65.0)
    result = tmp_path / "part.ome.tif"
    assert main(["restore", str(source), "-o", str(result), "--preview", *options]) == 0
    assert main(["check", str(result), "--without-model"]) == 0
    said = next(line for line in capsys.readouterr().out.splitlines() if "Agreement" in line)
    assert said.startswith("good"), said
    # The other channel is another image, and is said to be one.
    swapped = write_ome_tiff(tmp_path / "swapped.ome.tif", np.stack(channels[::-1]), "CYX", 65.0)
    assert main(["check", str(result), "--without-model", "--input", str(swapped), "--overwrite"]) == 0
    said = next(line for line in capsys.readouterr().out.splitlines() if "Agreement" in line)
    assert said.startswith("doubt"), said


def test_an_image_of_another_size_than_the_result_says_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, _ = simulate_pair("microtubules", 2, 64, photons=800.0)
    source = write_ome_tiff(tmp_path / "a.ome.tif", image, "YX", 65.0)
    result = tmp_path / "b.ome.tif"
    assert main(["restore", str(source), "-o", str(result), "--preview", "--roi", "0:32,16:48"]) == 0
    as_large = write_ome_tiff(tmp_path / "c.ome.tif", np.tile(image[:32, :32], (2, 2)), "YX", 65.0)
    stripped = write_ome_tiff(
        tmp_path / "d.ome.tif", read_tiff(result).data, "YX", 32.5, {"upscaling": 2, "source": "c.ome.tif"}
    )
    assert main(["check", str(stripped), "--without-model", "--input", str(as_large)]) == 2
    assert "2 times as fine" in capsys.readouterr().err
