"""Large results under way: a hidden folder beside their place, with a journal, until all of them is there.

Whatever ends a run, be it Ctrl-C, a crash or the machine, the regions that were finished stay. The same
request finds them and goes on; another one is refused, because the two would mix.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from napari_cvdm.restoration.errors import ImageFileError

_REQUEST, _JOURNAL, _LOCK = "request.json", "finished.txt", "lock"


class Unfinished:
    """The folder of a result under way. Made by `resume_or_begin`.

    Attributes
    ----------
    folder : Path
        Where the parts of the result are written.
    done : set of str
        Names of the regions that were finished, by this run or one before.
    resumed : bool
        Whether a run before has begun it.
    """

    def __init__(self, folder: Path, resumed: bool) -> None:
        self.folder, self.resumed = folder, resumed
        self.done: set[str] = set()
        if resumed:
            text = (folder / _JOURNAL).read_text(encoding="utf-8")
            # A line without its end was being written when the run was killed: its region is done again.
            self.done = {line.strip() for line in text.splitlines(keepends=True) if line.endswith("\n")}
            (folder / _JOURNAL).write_text("".join(f"{line}\n" for line in sorted(self.done)), "utf-8")
            for stray in folder.rglob("*.partial"):
                stray.unlink()  # what zarr was writing when the run was killed

    def mark(self, region: str) -> None:
        """Note that a region is written."""
        with (self.folder / _JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(f"{region}\n")
            journal.flush()
            os.fsync(journal.fileno())
        self.done.add(region)

    def is_begun(self) -> bool:
        """Whether `begin` was called, in this run or one before."""
        return (self.folder / _REQUEST).exists()

    def begin(self, request: Mapping[str, Any]) -> None:
        """Note what is being made, once the empty parts of the result are there."""
        (self.folder / _JOURNAL).touch()
        temporary = self.folder / f"{_REQUEST}.new"
        temporary.write_text(_canonical(request), encoding="utf-8")
        temporary.replace(self.folder / _REQUEST)

    def deliver(self, parts: Mapping[str, Path], *, overwrite: bool = False) -> None:
        """Move the finished parts to their places, and remove the folder.

        Parameters
        ----------
        parts : mapping of str to Path
            Name in `folder` and place of each.
        overwrite : bool
            Replace what is there.
        """
        for name, target in parts.items():
            source = self.folder / name
            if not source.exists():
                continue  # delivered already, when a run was killed between two parts
            if target.exists():
                if not overwrite:
                    raise ImageFileError(
                        f"{target} has come to exist meanwhile. Move it away; the same command then goes on."
                    )
                remove(target)
            source.rename(target)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def resume_or_begin(
    target: Path, request: Mapping[str, Any], *, discard: bool = False
) -> Iterator[Unfinished]:
    """Open the folder of the result that is to become `target`; it stays until it is delivered.

    Parameters
    ----------
    target : Path
        The place of the result; the folder beside it is called ``.<name>.unfinished``.
    request : mapping
        All that the bytes of the result depend on, in values that JSON can hold.
    discard : bool
        Throw away what a run for another request has left.

    Yields
    ------
    Unfinished

    Raises
    ------
    ImageFileError
        If another process is at work on it, it belongs to another request, or it cannot be written.
    """
    folder = target.with_name(f".{target.name}.unfinished")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK, timeout=0)
        with lock:
            begun = folder / _REQUEST
            resumed = begun.exists() and begun.read_text(encoding="utf-8") == _canonical(request)
            if begun.exists() and not resumed and not discard:
                raise ImageFileError(
                    f"{folder} holds an unfinished restoration of another image or with other settings. "
                    "Repeat the command it came from to finish it, or add --overwrite to throw it away."
                )
            if not resumed:
                for child in folder.iterdir():
                    if child.name != _LOCK:
                        remove(child)
            yield Unfinished(folder, resumed)
    except Timeout as error:
        raise ImageFileError(f"{target} is being written by another process at this moment.") from error


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _canonical(request: Mapping[str, Any]) -> str:
    return json.dumps(request, sort_keys=True, indent=1, default=str)
