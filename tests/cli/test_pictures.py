from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_cvdm.cli.matching import plane_of
from napari_cvdm.cli.pictures import open_pictures, result_stem
from napari_cvdm.files.image_set import StoredImage, write_image_set
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.ome_zarr import create_ome_zarr, plan_layout, write_region
from napari_cvdm.files.zarr_set import write_zarr_set
from napari_cvdm.restoration.axes import name_axes
from napari_cvdm.restoration.errors import InputError

MADE = {"source": "cell.tif", "seed": 5, "draws": 2, "seconds": 1.25}
SHAPE = (2, 12, 16)

Writer = Callable[[Path, Sequence[StoredImage]], Path]


def pixels(value: float, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.full(shape, value, np.float32)


def write(
    path: Path, value: float, content: str | None = None, made: dict[str, Any] | None = None, **more: Any
) -> Path:
    said = {**(MADE if made is None else made), **({} if content is None else {"content": content})}
    return write_ome_tiff(path, pixels(value, **more), "TYX"[-len(more.get("shape", SHAPE)) :], None, said)


def write_zarr(path: Path, value: float, content: str, **changes: Any) -> Path:
    layout = plan_layout(name_axes(SHAPE, "TYX"), SHAPE, 16)
    create_ome_zarr(path, layout, name=path.name, provenance={**MADE, "content": content, **changes})
    for frame in range(SHAPE[0]):
        write_region(path, layout, (frame,), 0, 0, pixels(value)[frame])
    return path


def value_of(image: Any) -> float:
    return float(plane_of(image, {"T": 0})[:, :].flat[0])


class TestFilesSideBySide:
    def test_those_of_the_same_run_belong_together(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        result = write(tmp_path / "r.ome.tif", 1, "reconstruction")
        write(tmp_path / "r_uncertainty.ome.tif", 2, "uncertainty")
        for number in (1, 2):
            write(tmp_path / f"r_draw0{number}.ome.tif", 2 + number, f"draw {number} of 2")
        found = open_pictures(result)
        assert value_of(found.reconstruction) == 1
        assert found.provenance["seed"] == 5
        assert found.std is not None
        assert value_of(found.std) == 2
        assert [value_of(draw) for draw in found.draws] == [3, 4]
        assert capsys.readouterr().err == ""

    def test_those_of_other_runs_are_left_out_and_named(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        result = write(tmp_path / "r.ome.tif", 1, "reconstruction")
        other = MADE | {"seed": 6}
        write(tmp_path / "r_uncertainty.ome.tif", 2, "uncertainty", other)
        write(tmp_path / "r_draw01.ome.tif", 3, "draw 1 of 2")
        write(tmp_path / "r_draw02.ome.tif", 4, "draw 2 of 2", other)
        write(tmp_path / "r_draw03.ome.tif", 5, "draw 3 of 4", other, shape=(2, 8, 8))
        write(tmp_path / "r_draw04.ome.tif", 6, "uncertainty")
        write_ome_tiff(tmp_path / "r_draw05.ome.tif", pixels(7), "TYX")
        found = open_pictures(result)
        assert found.std is None
        assert [value_of(draw) for draw in found.draws] == [3]
        left_out = ["r_uncertainty", *(f"r_draw0{number}" for number in range(2, 6))]
        assert capsys.readouterr().err == (
            "warning: not of the run that made r.ome.tif, and left out: "
            + ", ".join(f"{name}.ome.tif" for name in left_out)
            + "\n"
        )

    def test_those_that_are_damaged_are_left_out_and_it_is_said_how(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        result = write(tmp_path / "r.ome.tif", 1, "reconstruction")
        cut = write(tmp_path / "r_uncertainty.ome.tif", 2, "uncertainty")
        cut.write_bytes(cut.read_bytes()[:-100])  # of its description, which is at the end
        write(tmp_path / "r_draw01.ome.tif", 3, "draw 1 of 2")
        other = tmp_path / "r_draw02.ome.tif"
        other.write_text("no image")
        found = open_pictures(result)
        assert found.std is None
        assert [value_of(draw) for draw in found.draws] == [3]
        first, second = capsys.readouterr().err.splitlines()
        assert first.startswith(
            f"warning: left out: {cut} is truncated: its description lies beyond its end."
        )
        assert second.startswith(f"warning: left out: {other} is not a TIFF file")

    def test_results_that_say_nothing_of_themselves_need_the_same_shape(self, tmp_path: Path) -> None:
        result = write_ome_tiff(tmp_path / "r.tif", pixels(1), "TYX")
        assert open_pictures(result).std is None
        write_ome_tiff(tmp_path / "r_uncertainty.ome.tif", pixels(2), "TYX")
        write_ome_tiff(tmp_path / "r_draw01.ome.tif", pixels(3), "TYX")
        write_ome_tiff(tmp_path / "r_draw02.ome.tif", pixels(4, (2, 8, 8)), "TYX")
        found = open_pictures(result)
        assert found.provenance == {}
        assert found.std is not None
        assert [value_of(draw) for draw in found.draws] == [3]

    def test_of_folders_the_uncertainty_alone(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        result = write_zarr(tmp_path / "r.ome.zarr", 1, "reconstruction")
        write_zarr(tmp_path / "r_uncertainty.ome.zarr", 2, "uncertainty")
        write(tmp_path / "r_draw01.ome.tif", 3, "draw 1 of 2")  # of r.ome.tif, which is no more
        found = open_pictures(result)
        assert found.std is not None
        assert value_of(found.std) == 2
        assert found.draws == ()
        other = write_zarr(tmp_path / "s.ome.zarr", 1, "reconstruction")
        write_zarr(tmp_path / "s_uncertainty.ome.zarr", 2, "uncertainty", seed=6)
        assert open_pictures(other).std is None
        assert "s_uncertainty.ome.zarr" in capsys.readouterr().err


@pytest.mark.parametrize(("writer", "ending"), [(write_image_set, ".ome.tif"), (write_zarr_set, ".ome.zarr")])
class TestSavedFromThePanel:
    @staticmethod
    def image(picture: str, value: float, run: str = "one", axes: str = "QYX", **more: Any) -> StoredImage:
        about = {"picture": picture, "run": run}
        if picture != "draws":
            about |= {**MADE, "layer": {"name": picture, "colormap": picture}}
        return StoredImage(f"{picture} {value:g}", pixels(value, **more), axes, 32.5, about)

    def test_each_picture_is_what_it_says_wherever_it_lies(
        self, writer: Writer, ending: str, tmp_path: Path
    ) -> None:
        draws = np.stack([pixels(3), pixels(4), pixels(5)])
        images = [
            self.image("uncertainty", 9, "another"),
            self.image("uncertainty", 2),
            StoredImage("draws of another", draws + 10, "QQYX", None, {"picture": "draws", "run": "another"}),
            StoredImage("draws", draws, "QQYX", None, {"picture": "draws", "run": "one"}),
            self.image("uncertainty", 8, shape=(2, 8, 8)),
            self.image("reconstruction", 1),
        ]
        found = open_pictures(writer(tmp_path / f"cell.cvdm{ending}", images))
        assert value_of(found.reconstruction) == 1
        assert found.provenance["seed"] == 5
        assert "layer" not in found.provenance
        assert found.std is not None
        assert value_of(found.std) == 2
        assert [value_of(draw) for draw in found.draws] == [3, 4, 5]
        # An unnamed axis has the letter that it has in the file, as --plane expects it.
        assert {each.axes for each in (found.reconstruction, found.std, *found.draws)} == {"TYX"}

    def test_axes_may_be_in_any_order(self, writer: Writer, ending: str, tmp_path: Path) -> None:
        data = np.arange(12 * 2 * 16 * 3, dtype=np.float32).reshape(12, 2, 16, 3)
        about = {"picture": "reconstruction", "run": "one"}
        path = writer(tmp_path / f"cell{ending}", [StoredImage("cell", data, "YQXQ", None, about)])
        reconstruction = open_pictures(path).reconstruction
        assert reconstruction.axes == "YTXZ"
        np.testing.assert_array_equal(plane_of(reconstruction, {"T": 1, "Z": 2})[:, :], data[:, 1, :, 2])

    def test_an_uncertainty_alone_is_refused(self, writer: Writer, ending: str, tmp_path: Path) -> None:
        path = writer(tmp_path / f"cell{ending}", [self.image("uncertainty", 1)])
        with pytest.raises(
            InputError, match=rf"cell{ending} holds no reconstruction .*uncertainty.* file that"
        ):
            open_pictures(path)

    def test_two_reconstructions_are_refused(self, writer: Writer, ending: str, tmp_path: Path) -> None:
        images = [self.image("reconstruction", 1), self.image("reconstruction", 2, "another")]
        with pytest.raises(InputError, match=r"2 reconstructions \('reconstruction 1', 'reconstruction 2'\)"):
            open_pictures(writer(tmp_path / f"cell{ending}", images))

    def test_of_layers_that_no_run_has_made_the_first_counts(
        self, writer: Writer, ending: str, tmp_path: Path
    ) -> None:
        images = [StoredImage("one", pixels(1), "TYX"), StoredImage("two", pixels(2), "TYX")]
        found = open_pictures(writer(tmp_path / f"cell{ending}", images))
        assert value_of(found.reconstruction) == 1
        assert found.std is None


class TestOtherPictures:
    @pytest.mark.parametrize(
        ("name", "content", "held"),
        [
            ("r_uncertainty", "uncertainty", "the uncertainty"),
            ("r_draw02", "draw 2 of 4", "draw 2 of 4"),
            ("r_check_disagreement", "disagreement with the measurement", "the disagreement"),
        ],
    )
    @pytest.mark.parametrize("ending", [".ome.tif", ".tiff"])
    def test_are_refused_with_the_file_to_give(
        self, tmp_path: Path, name: str, content: str, held: str, ending: str
    ) -> None:
        result = write(tmp_path / f"r{ending}", 1, "reconstruction")
        path = write(tmp_path / f"{name}.ome.tif", 2, content)
        with pytest.raises(InputError) as caught:
            open_pictures(path)
        assert str(caught.value).startswith(f"{path} holds {held}")
        assert str(caught.value).endswith(f"not the reconstruction: give {result}.")

    def test_in_folders_too(self, tmp_path: Path) -> None:
        result = write_zarr(tmp_path / "r.ome.zarr", 1, "reconstruction")
        with pytest.raises(InputError, match=rf"give {result}\.$"):
            open_pictures(write_zarr(tmp_path / "r_uncertainty.ome.zarr", 2, "uncertainty"))
        about = {"picture": "uncertainty"}
        saved = write_zarr_set(tmp_path / "s.ome.zarr", [StoredImage("s", pixels(1), "TYX", None, about)])
        with pytest.raises(InputError, match=rf"give {saved}\.$"):
            open_pictures(saved / "0")

    def test_of_a_renamed_file_nobody_knows_the_other(self, tmp_path: Path) -> None:
        write(tmp_path / "r.ome.tif", 1, "reconstruction")
        for name in ("doubts", "x_uncertainty"):
            with pytest.raises(InputError, match="give the file that holds it"):
                open_pictures(write(tmp_path / f"{name}.ome.tif", 2, "uncertainty"))


@pytest.mark.parametrize(
    ("name", "stem"), [("a.b.ome.tif", "a.b"), ("a.TIF", "a"), ("a.cvdm.ome.zarr", "a.cvdm"), ("a.zarr", "a")]
)
def test_stems_of_files_and_folders(name: str, stem: str) -> None:
    assert result_stem(Path(name)) == stem
