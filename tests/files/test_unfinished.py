import errno
import os
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from napari_cvdm.files import unfinished as module
from napari_cvdm.files.unfinished import delivered, left_behind, resume_or_begin
from napari_cvdm.restoration.errors import ImageFileError

REQUEST = {"seed": 1, "shape": [2, 3]}


def hidden(target: Path) -> Path:
    return target.with_name(f".{target.name}.unfinished")


def interrupted(target: Path, done: int = 2) -> Path:
    """Leave behind what a run does that is interrupted after some regions."""
    with resume_or_begin(target, REQUEST) as unfinished:
        (unfinished.folder / "picture").mkdir()
        unfinished.begin()
        for region in range(done):
            unfinished.mark(f"block {region}")
    return unfinished.folder


def test_begins_in_a_hidden_folder_beside_the_target(tmp_path: Path) -> None:
    with resume_or_begin(tmp_path / "new" / "out.zarr", REQUEST) as unfinished:
        assert unfinished.folder.parent == tmp_path / "new" / ".out.zarr.unfinished"
        assert (unfinished.resumed, unfinished.done, unfinished.is_begun()) == (False, set(), False)


def test_the_same_request_finds_what_is_done(tmp_path: Path) -> None:
    interrupted(tmp_path / "out")
    with resume_or_begin(tmp_path / "out", {"shape": [2, 3], "seed": 1}) as unfinished:
        assert unfinished.resumed
        assert unfinished.is_begun()
        assert unfinished.done == {"block 0", "block 1"}


def test_a_line_that_was_cut_short_counts_as_not_done(tmp_path: Path) -> None:
    interrupted(tmp_path / "out", 12)
    journal = hidden(tmp_path / "out") / "finished.txt"
    text = journal.read_text()
    assert text.endswith("block 11\n")
    journal.write_text(text[:-2])  # "block 1" stands there now, which is another one
    for _ in range(2):
        with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
            assert unfinished.done == {f"block {n}" for n in range(11)}
    with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
        unfinished.mark("block 11")
    with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
        assert "block 11" in unfinished.done


def test_without_its_journal_all_is_done_again(tmp_path: Path) -> None:
    interrupted(tmp_path / "out")
    (hidden(tmp_path / "out") / "finished.txt").unlink()
    with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
        assert (unfinished.resumed, unfinished.done) == (True, set())


def test_a_region_is_on_the_disk_when_it_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
        unfinished.begin()
        monkeypatch.setattr(os, "fsync", lambda number: sizes.append(os.fstat(number).st_size))
        unfinished.mark("block 0")
    assert sizes == [len("block 0\n")]


def test_what_is_done_is_never_lost_while_the_journal_is_put_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path / "out")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"), resume_or_begin(tmp_path / "out", REQUEST):
            pass
    with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
        assert unfinished.done == {"block 0", "block 1"}


def test_files_that_were_being_written_are_removed(tmp_path: Path) -> None:
    folder = interrupted(tmp_path / "out")
    (folder / "picture" / "7.abc.partial").write_bytes(b"half")
    with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
        assert list((folder / "picture").iterdir()) == []
        # A worker dies in this very run, and another one writes what it was writing.
        (folder / "picture" / "8.def.partial").write_bytes(b"half")
        unfinished.deliver({"picture": tmp_path / "out"})
    assert list((tmp_path / "out").iterdir()) == []


def test_what_works_for_another_request_still_cannot_write_here(tmp_path: Path) -> None:
    before = interrupted(tmp_path / "out")
    with resume_or_begin(tmp_path / "out", {"seed": 2}, discard=True) as unfinished:
        (unfinished.folder / "picture").mkdir()
        with pytest.raises(FileNotFoundError):
            (before / "picture" / "block").write_bytes(b"of the other")
        unfinished.begin()
        unfinished.deliver({"picture": tmp_path / "out"})
    assert list((tmp_path / "out").iterdir()) == []


def test_killed_before_it_was_begun_it_begins_anew(tmp_path: Path) -> None:
    with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
        (unfinished.folder / "picture").mkdir()
    with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
        assert not unfinished.resumed
        assert not (unfinished.folder / "picture").exists()


def test_killed_before_its_first_region_it_is_in_nobodys_way(tmp_path: Path) -> None:
    for request in (REQUEST, {"seed": 2}, REQUEST):
        with resume_or_begin(tmp_path / "out", request) as unfinished:
            unfinished.begin()
    assert unfinished.resumed is False


def test_another_request_is_refused_unless_the_old_one_may_go(tmp_path: Path) -> None:
    interrupted(tmp_path / "out")
    with pytest.raises(ImageFileError, match="--overwrite"), resume_or_begin(tmp_path / "out", {"seed": 2}):
        pass
    with resume_or_begin(tmp_path / "out", {"seed": 2}, discard=True) as unfinished:
        assert not unfinished.done
    # Discarding is for others: one's own goes on.
    interrupted(tmp_path / "own")
    with resume_or_begin(tmp_path / "own", REQUEST, discard=True) as unfinished:
        assert len(unfinished.done) == 2


def test_what_was_left_behind_can_be_asked_about(tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert left_behind(target) is None
    assert not list(tmp_path.iterdir())
    interrupted(target)
    assert left_behind(target) == REQUEST
    with resume_or_begin(target, REQUEST) as unfinished:
        assert left_behind(target) is None  # somebody is at work on it
        assert unfinished.done
    for damaged in ("no {request", "[1]"):
        hidden(target).joinpath("request.json").write_text(damaged, encoding="utf-8")
        assert left_behind(target) == {}


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with (
        resume_or_begin(tmp_path / "out", REQUEST),
        pytest.raises(ImageFileError, match="another process"),
        resume_or_begin(tmp_path / "out", REQUEST),
    ):
        pass


@pytest.mark.parametrize("kept", [True, False])
def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path, kept: bool) -> None:
    precious = interrupted(tmp_path / "elsewhere").parent
    if not kept:
        (precious / "request.json").unlink()
    before = sorted(precious.rglob("*"))
    hidden(tmp_path / "out").symlink_to(precious)
    assert left_behind(tmp_path / "out") is None
    with (
        pytest.raises(ImageFileError, match="it is a link, or the folder of another user"),
        resume_or_begin(tmp_path / "out", REQUEST, discard=True),
    ):
        pass
    assert sorted(precious.rglob("*")) == before


def test_the_folder_of_another_user_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, lstat = interrupted(tmp_path / "out").parent, Path.lstat

    def of_another(path: Path) -> os.stat_result:
        status = lstat(path)
        return os.stat_result((*status[:4], status.st_uid + 1, *status[5:10])) if path == folder else status

    monkeypatch.setattr(Path, "lstat", of_another)
    assert left_behind(tmp_path / "out") is None
    with pytest.raises(ImageFileError, match="another user"), resume_or_begin(tmp_path / "out", REQUEST):
        pass
    assert (folder / "request.json").exists()


class GivenUp(Exception):
    pass


def give_up(target: Path, discard: bool = False) -> Path:
    """Finish one region more, and give up."""
    with (
        suppress(GivenUp),
        resume_or_begin(target, REQUEST, discard=discard, given_up=GivenUp) as unfinished,
    ):
        unfinished.begin()
        unfinished.mark("one more")
        raise GivenUp
    return unfinished.folder


class TestGivingUp:
    @pytest.mark.parametrize(("done", "discard"), [(None, False), (0, False), (2, True)])
    def test_leaves_nothing_of_its_own_behind(self, tmp_path: Path, done: int | None, discard: bool) -> None:
        if done is not None:
            interrupted(tmp_path / "out", done)
        give_up(tmp_path / "out", discard=discard)
        assert list(tmp_path.iterdir()) == []

    def test_keeps_what_a_run_before_has_finished_and_what_was_added(self, tmp_path: Path) -> None:
        interrupted(tmp_path / "out")
        give_up(tmp_path / "out")
        with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
            assert unfinished.done == {"block 0", "block 1", "one more"}

    def test_is_told_from_all_other_ends(self, tmp_path: Path) -> None:
        interrupted(tmp_path / "out")
        with (
            pytest.raises(KeyboardInterrupt),
            resume_or_begin(tmp_path / "out", REQUEST, given_up=(GivenUp, OSError)),
        ):
            raise KeyboardInterrupt
        with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
            assert unfinished.done == {"block 0", "block 1"}

    @pytest.mark.parametrize("end", [GivenUp, KeyboardInterrupt, OSError])
    def test_nothing_stays_while_nothing_is_finished(self, tmp_path: Path, end: type[BaseException]) -> None:
        with (
            suppress(end),
            resume_or_begin(tmp_path / "out", REQUEST, given_up=GivenUp) as unfinished,
        ):
            (unfinished.folder / "picture").mkdir()
            unfinished.begin()
            raise end
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("locked", [True, False])
    def test_touches_nothing_that_was_never_opened(self, tmp_path: Path, locked: bool) -> None:
        interrupted(tmp_path / "out")
        at_work = resume_or_begin(tmp_path / "out", REQUEST) if locked else nullcontext()
        with (
            at_work,
            pytest.raises(ImageFileError),
            # Even if it is by this error that its user gives up.
            resume_or_begin(tmp_path / "out", {"seed": 2}, given_up=ImageFileError),
        ):
            pass
        with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
            assert unfinished.done == {"block 0", "block 1"}

    def test_interrupted_it_leaves_nothing_to_go_on_with(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(_: Path) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(module, "remove", interrupt)
        with pytest.raises(KeyboardInterrupt):
            give_up(tmp_path / "out")
        assert hidden(tmp_path / "out").exists()
        assert left_behind(tmp_path / "out") is None

    def test_removes_while_nobody_else_can_begin(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remove, removed = module.remove, []

        def try_to_begin_and_remove(path: Path) -> None:
            with (
                pytest.raises(ImageFileError, match="another process"),
                resume_or_begin(tmp_path / "out", REQUEST),
            ):
                pass
            removed.append(path.name)
            remove(path)

        monkeypatch.setattr(module, "remove", try_to_begin_and_remove)
        folder = give_up(tmp_path / "out")
        assert folder.name in removed


class TestDelivery:
    def test_moves_the_parts_and_removes_the_folder(self, tmp_path: Path) -> None:
        interrupted(tmp_path / "out")
        with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
            (unfinished.folder / "picture" / "pixels").touch()
            unfinished.deliver({"picture": tmp_path / "out"})
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        assert (tmp_path / "out" / "pixels").exists()

    def test_never_overwrites_what_came_to_exist_meanwhile(self, tmp_path: Path) -> None:
        interrupted(tmp_path / "out")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "precious").touch()
        with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
            with pytest.raises(ImageFileError, match="Move it away"):
                unfinished.deliver({"picture": tmp_path / "out"})
            assert (tmp_path / "out" / "precious").exists()
            unfinished.deliver({"picture": tmp_path / "out"}, overwrite=True)
        assert not (tmp_path / "out" / "precious").exists()

    def test_goes_on_where_it_was_killed_between_two_parts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder, parts = interrupted(tmp_path / "out"), {"picture": tmp_path / "out", "map": tmp_path / "map"}
        (folder / "map").mkdir()
        assert delivered(tmp_path / "out", parts) == set()
        rename = Path.rename

        def once(path: Path, to: Path) -> Path:
            if path.name == "map":
                raise KeyboardInterrupt
            return rename(path, to)

        with (
            monkeypatch.context() as patch,
            resume_or_begin(tmp_path / "out", REQUEST) as unfinished,
        ):
            patch.setattr(Path, "rename", once)
            with pytest.raises(KeyboardInterrupt):
                unfinished.deliver(parts)
        assert delivered(tmp_path / "out", parts) == {"picture"}
        with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
            unfinished.deliver(parts)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["map", "out"]
        assert delivered(tmp_path / "out", parts) == set()

    def test_never_claims_what_is_not_made_yet(self, tmp_path: Path) -> None:
        folder = interrupted(tmp_path / "out")
        (folder / "picture").rmdir()
        assert delivered(tmp_path / "out", ["picture"]) == set()

    def test_never_claims_what_is_gone(self, tmp_path: Path) -> None:
        folder = interrupted(tmp_path / "out")
        (folder / "picture").rmdir()
        with (
            pytest.raises(ImageFileError, match="Repeat the command"),
            resume_or_begin(tmp_path / "out", REQUEST) as unfinished,
        ):
            unfinished.deliver({"picture": tmp_path / "out"})
        with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:
            assert not unfinished.done


class TestReplacing:
    """At every moment either the old result or the new one is whole."""

    PIECES = ("1", "2")

    def old_and_new(self, tmp_path: Path) -> dict[str, Path]:
        picture = interrupted(tmp_path / "out") / "picture"
        for folder, kind in ((tmp_path / "out", "old"), (picture, "new")):
            for piece in self.PIECES:
                (folder / piece).mkdir(parents=True)
                (folder / piece / kind).touch()
        return {"picture": tmp_path / "out"}

    def is_whole(self, folder: Path, kind: str) -> bool:
        files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        return sorted(files) == [f"{piece}/{kind}" for piece in self.PIECES]

    def deliver(self, parts: dict[str, Path], overwrite: bool = True) -> None:
        with resume_or_begin(parts["picture"], REQUEST) as unfinished:
            assert unfinished.done >= {"block 0", "block 1"}
            unfinished.deliver(parts, overwrite=overwrite)

    def finish(self, parts: dict[str, Path], overwrite: bool) -> None:
        """Do it again, undisturbed."""
        self.deliver(parts, overwrite)
        assert self.is_whole(parts["picture"], "new")
        assert list(parts["picture"].parent.iterdir()) == [parts["picture"]]

    @pytest.mark.parametrize("moment", [1, 2])
    def test_killed_in_between_it_can_be_repeated(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
    ) -> None:
        parts, rename, renamed = self.old_and_new(tmp_path), Path.rename, list[Path]()

        def killed(path: Path, to: Path) -> Path:
            renamed.append(path)
            if len(renamed) == moment:
                raise KeyboardInterrupt
            return rename(path, to)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", killed)
            with pytest.raises(KeyboardInterrupt):
                self.deliver(parts)
        old = tmp_path / "out" if moment == 1 else next(hidden(tmp_path / "out").glob("replaced-*/old"))
        assert self.is_whole(old, "old")
        assert delivered(tmp_path / "out", parts) == set()
        self.finish(parts, overwrite=moment == 1)  # later there is nothing left that it would overwrite

    def test_killed_while_the_old_one_is_removed_it_has_the_new_one_in_place(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts, unlink = self.old_and_new(tmp_path), os.unlink

        def killed(path: Any, **options: Any) -> None:
            unlink(path, **options)
            if Path(path).name == "old":
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", killed)
            with pytest.raises(KeyboardInterrupt):
                self.deliver(parts)
        assert self.is_whole(tmp_path / "out", "new")
        assert delivered(tmp_path / "out", parts) == {"picture"}
        self.finish(parts, overwrite=False)

    def test_an_old_one_that_cannot_be_removed_does_not_hinder_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts, unlink = self.old_and_new(tmp_path), os.unlink

        def refused(path: Any, **options: Any) -> None:
            if Path(path).name == "old":
                raise PermissionError(errno.EACCES, "Permission denied")
            unlink(path, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", refused)
            self.deliver(parts)
        assert self.is_whole(tmp_path / "out", "new")
        with resume_or_begin(tmp_path / "out", REQUEST) as unfinished:  # what remains counts for nothing
            assert not unfinished.done

    def test_one_that_cannot_take_the_place_leaves_it_to_the_old_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts, rename = self.old_and_new(tmp_path), Path.rename

        def refused(path: Path, to: Path) -> Path:
            if path.name == "picture":
                raise PermissionError(errno.EACCES, "Permission denied")
            return rename(path, to)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", refused)
            with pytest.raises(PermissionError):
                self.deliver(parts)
        assert self.is_whole(tmp_path / "out", "old")
        self.finish(parts, overwrite=True)
