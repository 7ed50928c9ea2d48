"""Large results under way: a hidden folder beside their place, with a journal, until all of them is there.

Whatever ends a run, be it Ctrl-C, a crash or the machine, the regions that were finished stay. The same
request finds them and goes on; another one is refused, because the two would mix.

The parts of a result lie in a folder that is named after the request. A worker that is still busy with an
earlier request, and that nobody can stop, finds its own folder gone and cannot write into another's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from napari_cvdm.models.replacing import naming_full_disk, replacing
from napari_cvdm.restoration.errors import ImageFileError, MovedAwayError, OtherRunError

_REQUEST, _JOURNAL, _LOCK = "request.json", "finished.txt", "lock"
_REPLACED = "replaced-"  # how the folders begin that hold what was at the place of a result
_COMPLETE = "complete"  # the line of the journal that says that nothing is left but to deliver


class Unfinished:
    """The folder of a result under way. Made by `resume_or_begin`.

    Parameters
    ----------
    folder : Path
        The hidden folder.
    request : mapping
        What is being made.
    resumed : bool
        Whether a run before has begun it.

    Attributes
    ----------
    folder : Path
        Where the parts of the result are written.
    done : set of str
        Names of the regions that are finished, by this run or one before.
    resumed : bool
        Whether a run before has begun it.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any], resumed: bool) -> None:
        self._root, self._request, self.resumed = folder, _canonical(request), resumed
        self.folder = folder / hashlib.sha256(self._request.encode()).hexdigest()[:16]
        self.folder.mkdir(exist_ok=True)
        self.done: set[str] = set()
        if resumed:
            text = (folder / _JOURNAL).read_text(encoding="utf-8") if (folder / _JOURNAL).exists() else ""
            # A line without its end was being written when the run was killed: its region is done again.
            self.done = {line.strip() for line in text.splitlines(keepends=True) if line.endswith("\n")}
            with replacing(folder / _JOURNAL) as journal:
                journal.write("".join(f"{line}\n" for line in sorted(self.done)).encode())
            self._remove_strays()

    def mark(self, region: str) -> None:
        """Note that a region is written."""
        with (self._root / _JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(f"{region}\n")
            journal.flush()
            os.fsync(journal.fileno())
        self.done.add(region)

    def is_begun(self) -> bool:
        """Whether `begin` was called, in this run or one before."""
        return (self._root / _REQUEST).exists()

    def begin(self) -> None:
        """Note what is being made, once the empty parts of the result are there."""
        (self._root / _JOURNAL).touch()
        with replacing(self._root / _REQUEST) as request:
            request.write(self._request.encode())

    def deliver(self, parts: Mapping[str, Path], *, overwrite: bool = False) -> None:
        """Move the finished parts to their places, and empty the folder.

        What is replaced is moved aside, and removed once all parts are in place: at every moment either the
        old part or the new one is whole, and a run that was killed can be repeated from any of them.

        Parameters
        ----------
        parts : mapping of str to Path
            Name in `folder` and place of each.
        overwrite : bool
            Replace what is there.

        Raises
        ------
        ImageFileError
            If something is there that may not be replaced.
        OSError
            If a part cannot be moved; what was in its place is there again.
        """
        self._remove_strays()
        self.mark(_COMPLETE)
        for name, target in parts.items():
            source = self.folder / name
            if not source.exists() and target.exists():
                continue  # delivered already, when a run was killed between two parts
            if not source.exists():
                (self._root / _REQUEST).unlink()
                raise MovedAwayError(
                    f"{target} was finished, and has been moved away.", "Repeat the command to make it again."
                )
            if target.exists():
                if not overwrite:
                    raise ImageFileError(
                        f"{target} has come to exist meanwhile. Move it away, and restore again to go on."
                    )
                self._replace(target, source)
            else:
                source.rename(target)
        # Large ones take long to remove. Until they are gone the request stays, so that a run that is killed
        # over it has nothing but this to do again.
        for old in self._root.glob(f"{_REPLACED}*"):
            shutil.rmtree(old, ignore_errors=True)
        self.forget()

    def forget(self) -> None:
        """Throw away what is written, of a run that is given up for good or delivered."""
        _empty(self._root, OSError)  # what cannot be removed counts for nothing, without the request
        with suppress(OSError):  # last, when nothing is left that another could find; Windows refuses
            (self._root / _LOCK).unlink()

    def _replace(self, target: Path, source: Path) -> None:
        """Put a part in the place of what is there, which is moved aside."""
        # One level down, where `delivered` does not take it for a part that waits.
        aside = Path(tempfile.mkdtemp(prefix=_REPLACED, dir=self._root)) / "old"
        target.rename(aside)
        try:
            source.rename(target)
        except OSError:
            aside.rename(target)
            raise

    def _remove_strays(self) -> None:
        """Remove what zarr was writing when a run, or a worker of this one, was killed."""
        for stray in self.folder.rglob("*.partial"):
            stray.unlink(missing_ok=True)


@contextmanager
def resume_or_begin(
    target: Path,
    request: Mapping[str, Any],
    *,
    discard: bool = False,
    given_up: type[BaseException] | tuple[type[BaseException], ...] = (),
) -> Iterator[Unfinished]:
    """Open the folder of the result that is to become `target`; it stays until it is delivered.

    Until the context ends it is locked, so that nobody else can use or remove it.

    Parameters
    ----------
    target : Path
        The place of the result; the folder beside it is called ``.<name>.unfinished``.
    request : mapping
        All that the bytes of the result depend on, in values that JSON can hold.
    discard : bool
        Throw away what a run for another request has left.
    given_up : exception type or tuple of them
        Raised in the context, they say that nothing this run has begun is to be kept. What a run before has
        finished is, and what was added to it, unless `discard` gives that up too. After other exceptions
        this request can be resumed; if no region is finished yet, nothing stays.

    Yields
    ------
    Unfinished

    Raises
    ------
    ImageFileError
        If another process is at work on it, it holds regions of another request (`OtherRunError`), or it is a
        link or another user's.
    OSError
        If it cannot be written.
    """
    folder = _folder_of(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_own(folder):
            raise ImageFileError(
                f"{folder} is in the way: it is a link, or the folder of another user. Remove it, or choose "
                "another name for the result."
            )
        with FileLock(folder / _LOCK, timeout=0):
            begun, journal = folder / _REQUEST, folder / _JOURNAL
            resumed = begun.exists() and begun.read_text(encoding="utf-8") == _canonical(request)
            if begun.exists() and not (resumed or discard) and journal.exists() and journal.stat().st_size:
                raise OtherRunError(
                    f"{folder} holds an unfinished restoration of another image or with other settings.",
                    "Repeat the command it came from to finish it, or add --overwrite (in Python: "
                    "overwrite=True) to throw it away.",
                )
            if not resumed:
                _empty(folder)
            unfinished = Unfinished(folder, request, resumed)
            kept_before = bool(unfinished.done) and not discard
            try:
                with naming_full_disk(target):
                    yield unfinished
            except BaseException as error:
                if not unfinished.done or (isinstance(error, given_up) and not kept_before):
                    with suppress(OSError):  # of a disk that went away; what is wrong with it is being raised
                        unfinished.forget()  # while the lock is held: a moment later it may be another's
                raise
    except Timeout as error:
        raise ImageFileError(f"{target} is being written by another process: wait for its end.") from error
    finally:
        with suppress(OSError):  # it goes when it is empty, of the lock as well
            folder.rmdir()


def delivered(target: Path, parts: Iterable[str]) -> set[str]:
    """Return which parts of a result are at their places already, because a run was killed in between.

    Parameters
    ----------
    target : Path
        As for `resume_or_begin`.
    parts : iterable of str
        Names of the parts.
    """
    folder = _folder_of(target)
    try:
        complete = f"{_COMPLETE}\n" in (folder / _JOURNAL).read_text(encoding="utf-8")
    except OSError:
        return set()
    return {name for name in parts if complete and not any(folder.glob(f"*/{name}"))}


def left_behind(target: Path) -> dict[str, Any] | None:
    """Return the request of a run that was ended before its end, so that a user can be asked about it.

    Parameters
    ----------
    target : Path
        As for `resume_or_begin`.

    Returns
    -------
    dict or None
        Empty if it cannot be read. None if there is nothing, or somebody is at work on it.
    """
    begun = _folder_of(target) / _REQUEST
    try:
        if not begun.exists() or not _is_own(begun.parent):
            return None
        with FileLock(begun.with_name(_LOCK), timeout=0):
            request = json.loads(begun.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    except (OSError, Timeout):  # a run that begins now will say what is wrong
        return None
    return request if isinstance(request, dict) else {}


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _empty(folder: Path, *ignored: type[OSError]) -> None:
    """Remove all but the lock, the request first: without it, what else is still there counts for nothing."""
    (folder / _REQUEST).unlink(missing_ok=True)
    for child in folder.iterdir():
        if child.name != _LOCK:
            with suppress(*ignored):
                remove(child)


def _is_own(folder: Path) -> bool:
    """Whether a folder, whose name anybody can foretell, is no link and no other user's: it gets emptied."""
    there = folder.lstat()
    with tempfile.TemporaryFile(dir=folder.parent) as own:  # network disks may call us by another number
        return stat.S_ISDIR(there.st_mode) and there.st_uid == os.fstat(own.fileno()).st_uid


def _folder_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.unfinished")


def _canonical(request: Mapping[str, Any]) -> str:
    return json.dumps(request, sort_keys=True, indent=1, default=str)
