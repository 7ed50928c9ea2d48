"""What went wrong, in words for the user."""

from __future__ import annotations

import errno
import logging

from napari_cvdm.restoration.errors import (
    DeviceError,
    ExistsAlreadyError,
    InputError,
    InputTypeError,
    MovedAwayError,
    NotFiniteError,
    OtherRunError,
    RemediableError,
)

_log = logging.getLogger(__name__)

#: What to do in the viewer about errors that elsewhere are remedied with an option.
_REMEDIES: dict[type[RemediableError], str] = {
    ExistsAlreadyError: "Choose another name.",
    MovedAwayError: "Restore again to make it anew.",
    NotFiniteError: "Add a Shapes layer, draw a rectangle where no plane has any, and choose it as Part "
    "(without resampling, which takes whole planes).",
    OtherRunError: "Restore with the image and the settings it had to go on with it. Or restore again and, "
    "when you are asked about it, throw it away or choose another folder.",
}

#: What to do about errors of the operating system that the user can do something about.
_SYSTEM_REMEDIES: dict[int, str] = {
    errno.ENOSPC: "Make room on that disk, or choose another one.",
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS), "Choose a place that you may read from and write to."
    ),
    **dict.fromkeys((errno.ENOENT, errno.EIO, errno.ENODEV), "See whether it is still there."),
}


class RestorationFailed(Exception):
    """A run cannot go on; the message says why and what to do.

    Not a RuntimeError, because napari's generator workers end without a word when one of those is raised.
    """


def in_plain_words(error: Exception) -> str:
    """Say what went wrong and what to do, in words for the user."""
    from napari_cvdm.models import ModelError

    if isinstance(error, RemediableError):
        return f"{error.fault} {_REMEDIES.get(type(error), error.remedy)}"
    if isinstance(error, InputError | InputTypeError | DeviceError | ModelError):
        return str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "Memory ran out. Close other programs, set a smaller tile under Advanced, or crop the image."
    if isinstance(error, ImportError):
        return f"Part of the installation is missing ({error}). Reinstall napari-cvdm with its dependencies."
    if isinstance(error, OSError) and error.errno is not None:  # a full disk, say: no fault of the program
        return _of_system(error)
    _log.error("A restoration failed unexpectedly", exc_info=error)
    return (
        f"The restoration failed unexpectedly: {type(error).__name__}: {error}. "
        "The terminal shows the details; please report them."
    )


def _of_system(error: OSError) -> str:
    """Say what the operating system says, of which file, and what to do."""
    files = " to ".join(f"'{name}'" for name in (error.filename, error.filename2) if name is not None)
    reason = f"{files}: {error.strerror}." if files else f"{error.strerror}."
    return f"{reason} {_SYSTEM_REMEDIES.get(error.errno or 0, '')}".rstrip()
