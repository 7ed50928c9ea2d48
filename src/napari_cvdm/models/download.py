"""Fetching a model file into a folder, through pooch, from the first of several places that has it.

The file is written into a temporary folder beside its place, and gets its real name only when its hash is
right: an interrupted or altered download never leaves anything that looks like a model, and two processes
that fetch the same model do not meet.
"""

from __future__ import annotations

import errno
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from napari_cvdm.models.addresses import parse_doi, shown
from napari_cvdm.models.doi import resolve_doi
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.transfer import DownloadProgress, Transfer, TransferError

WAITS_SECONDS = (1.0, 3.0)
"""Pauses before a place that may just be busy is asked again."""

WORKSHOP_PREFIX = ".napari-cvdm-"
"""How the names of temporary folders begin."""

_STALE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Wanted:
    """What is fetched.

    Parameters
    ----------
    label : str
        What to call it in messages.
    urls : sequence of str
        Where to look, in this order: addresses and DOIs.
    sha256, size : str or None, int or None
        Its hash, and its bytes, if they are known; only a DOI may go without a hash: its repository has one.
    chosen : bool
        Whether whoever runs this computer chose the addresses; see `may_be_used`.
    """

    label: str
    urls: Sequence[str]
    sha256: str | None
    size: int | None = None
    chosen: bool = False


def download(
    wanted: Wanted, target: Path, progress: DownloadProgress | None = None, *, variable: str
) -> Path:
    """Fetch a model file to `target`, complete and with the right hash.

    Its folder is made when it does not exist; `variable` is the environment variable that names another one,
    for messages.

    Raises
    ------
    ModelError
        If no place has the right file, or the folder cannot be written to. The message says what each place
        answered. The folder is then as it was before.
    """
    failures: list[str] = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        with tempfile.TemporaryDirectory(prefix=WORKSHOP_PREFIX, dir=target.parent) as incoming:
            _check_space(Path(incoming), wanted.size)
            for url in wanted.urls:
                try:
                    fetched = _fetch(url, wanted, Path(incoming) / target.name, progress)
                except TransferError as error:
                    failures.append(f"{shown(url)}: {error}")
                    continue
                fetched.chmod(0o644)  # temporary files are for their owner alone; a cache may be shared
                return fetched.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(
            f"{wanted.label} could not be fetched: cannot write to the folder {target.parent} ({reason}). "
            f"Make room or get the right to write there, or name another folder with {variable}."
        ) from error
    raise ModelError(f"{wanted.label} could not be fetched. {'; '.join(failures)}.")


def _fetch(url: str, wanted: Wanted, target: Path, progress: DownloadProgress | None) -> Path:
    """Fetch from one place, asking again when that may help."""
    for wait in WAITS_SECONDS:
        try:
            return _attempt(url, wanted, target, progress)
        except TransferError as error:
            if not error.passing:
                raise
            if progress is not None:
                progress.update(0)  # the chance to cancel
            time.sleep(wait)
    return _attempt(url, wanted, target, progress)


def _attempt(url: str, wanted: Wanted, target: Path, progress: DownloadProgress | None) -> Path:
    import pooch  # type: ignore[import-untyped]

    known_hash = f"sha256:{wanted.sha256}" if wanted.sha256 else None
    if (doi := parse_doi(url)) is not None:
        url, checksum = resolve_doi(doi, None if progress is None else lambda: progress.update(0))
        known_hash = known_hash or checksum
    if known_hash is None:
        raise TransferError("its sha256 must be known")
    transfer = Transfer(wanted.size, progress, chosen=wanted.chosen)
    try:
        with _quiet(pooch.get_logger()):
            fetched = pooch.retrieve(
                url, known_hash=known_hash, fname=target.name, path=target.parent, downloader=transfer
            )
    except ValueError as error:
        if "hash" not in str(error):  # how pooch says that the file is another
            raise
        raise TransferError(
            f"the file there is altered or another version (its {known_hash.partition(':')[0]} is not the "
            "expected one)"
        ) from error
    return Path(fetched)


def _check_space(folder: Path, size: int | None) -> None:
    free = shutil.disk_usage(folder).free
    if size is not None and free < size:
        raise OSError(
            errno.ENOSPC, f"it needs {size / 1e6:,.1f} MB, and the disk has {free / 1e6:,.1f} MB left"
        )


def sweep(folder: Path) -> None:
    """Remove the temporary folders that programs which were killed a day ago or earlier have left."""
    for left in folder.glob(f"{WORKSHOP_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from announcing every download on stderr."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
