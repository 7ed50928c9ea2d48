from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from napari_cvdm.cli.draw_files import find_draw_files, is_draw, remove_stale_draws
from napari_cvdm.cli.outputs import OutputFiles
from napari_cvdm.files.ome_tiff import write_ome_tiff


def write_draw(path: Path, content: object = "draw 1 of 4") -> Path:
    return write_ome_tiff(path, np.eye(8), "YX", None, {"seed": 0, "content": content})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def files(tmp_path: Path) -> OutputFiles:
    """A result with one draw of its own."""
    own = write_draw(tmp_path / "r_draw01.ome.tif", "draw 1 of 1")
    result = write_draw(tmp_path / "r.ome.tif", "reconstruction")
    return OutputFiles(result, write_draw(tmp_path / "r_uncertainty.ome.tif", "uncertainty"), (own,))


class TestFinding:
    def test_by_name_and_in_order(self, tmp_path: Path) -> None:
        for name in (
            "a[1]_draw02",
            "a[1]_draw01",
            "a[1]_draw",
            "a[1]_draw01_uncertainty",
            "a1_draw01",
            "b_draw01",
        ):
            (tmp_path / f"{name}.ome.tif").touch()
        (tmp_path / "a[1]_draw03.tif").touch()
        found = find_draw_files(tmp_path, "a[1]")
        assert [path.name for path in found] == ["a[1]_draw01.ome.tif", "a[1]_draw02.ome.tif"]

    @pytest.mark.parametrize(
        "content", ["reconstruction", "drawing", "draw 1", "draw 1 of 2 by hand", None, 3]
    )
    def test_other_contents_are_no_draws(self, content: object) -> None:
        assert is_draw("draw 10 of 12")
        assert not is_draw(content)


class TestRemovingStaleDraws:
    def test_those_of_an_earlier_run_go(self, tmp_path: Path, files: OutputFiles) -> None:
        write_draw(tmp_path / "r_draw02.ome.tif", "draw 2 of 4")
        write_draw(tmp_path / "r_draw001.ome.tif", "draw 1 of 100")
        write_draw(tmp_path / "other_draw02.ome.tif")
        remove_stale_draws(files, [])
        assert names(tmp_path) == [
            "other_draw02.ome.tif", "r.ome.tif", "r_draw01.ome.tif", "r_uncertainty.ome.tif",
        ]  # fmt: skip

    def test_files_that_are_not_ours_stay(self, tmp_path: Path, files: OutputFiles) -> None:
        (tmp_path / "r_draw02.ome.tif").write_text("my notes on draw 2")
        write_ome_tiff(tmp_path / "r_draw03.ome.tif", np.eye(8))
        write_draw(tmp_path / "r_draw04.ome.tif", "reconstruction")
        write_ome_tiff(tmp_path / "r_draw05.ome.tif", np.eye(8), "YX", None, [1, 2])  # type: ignore[arg-type]
        (tmp_path / "r_draw06.ome.tif").mkdir()
        (tmp_path / "elsewhere").mkdir()
        precious = write_draw(tmp_path / "elsewhere" / "precious.ome.tif")
        (tmp_path / "r_draw07.ome.tif").symlink_to(precious)
        before = names(tmp_path)
        remove_stale_draws(files, [])
        assert names(tmp_path) == before
        assert precious.exists()

    def test_an_input_stays_whatever_it_is(self, tmp_path: Path, files: OutputFiles) -> None:
        draw = write_draw(tmp_path / "r_draw02.ome.tif")
        (tmp_path / "sub").mkdir()
        remove_stale_draws(files, [tmp_path / "sub" / ".." / draw.name])
        assert draw.exists()

    def test_one_that_cannot_be_removed_is_a_warning(
        self,
        tmp_path: Path,
        files: OutputFiles,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        draw = write_draw(tmp_path / "r_draw02.ome.tif")

        def refuse(self: Path, missing_ok: bool = False) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))

        monkeypatch.setattr(Path, "unlink", refuse)
        remove_stale_draws(files, [])
        assert (
            capsys.readouterr().err
            == f"warning: {draw} of an earlier run could not be removed: Permission denied\n"
        )
