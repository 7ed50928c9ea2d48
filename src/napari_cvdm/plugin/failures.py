"""What went wrong, in words for the user."""

from __future__ import annotations

import logging

from napari_cvdm.restoration.errors import (
    DeviceError,
    ExistsAlreadyError,
    InputError,
    InputTypeError,
    MovedAwayError,
    OtherRunError,
    RemediableError,
)

__all__ = ["RestorationFailed", "in_plain_words"]

_log = logging.getLogger(__name__)

#: What to do in the viewer about errors that elsewhere are remedied with an option.
_REMEDIES: dict[type[RemediableError], str] = {
    ExistsAlreadyError: "Choose another name.",
    MovedAwayError: "Restore again to make it anew.",
    OtherRunError: "Restore with the image and the settings it had to go on with it. Or restore again and, "
    "when you are asked about it, throw it away or choose another folder.",
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
    _log.error("A restoration failed unexpectedly", exc_info=error)
    return (
        f"The restoration failed unexpectedly: {type(error).__name__}: {error}. "
        "The terminal shows the details; please report them."
    )
