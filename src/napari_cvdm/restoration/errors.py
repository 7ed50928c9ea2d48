"""What can be wrong with an image or a setting, as exceptions whose message names the fault and the remedy.

All of them but `GivenUp` are subclasses of `ValueError` or `TypeError`, so that callers who know nothing of
this package still catch them, while the command line and the widget show exactly these, as one sentence, no
traceback.
"""

from __future__ import annotations

from napari_cvdm.models.errors import printable


class InputError(ValueError):
    """An image or a setting has a value that cannot be used."""


class InputTypeError(TypeError):
    """An image or a setting is of a type that cannot be used."""


class AxesError(InputError):
    """The axes named do not fit the array."""


class DeviceError(ValueError):
    """The device asked for is unknown or not available."""


class GivenUp(Exception):
    """Whoever asked for a restoration wants it no more: not a fault, and never reported as one.

    Raised out of an array that is being read, anything else would count as a fault of the array.
    """


class ImageFileError(InputError):
    """A file cannot be read or written."""


class RemediableError(InputError):
    """A fault whose remedy in a shell or in Python is not the one in a viewer.

    Parameters
    ----------
    fault : str
        What is wrong, a sentence.
    remedy : str
        What to do about it in a shell or in Python, a sentence. A viewer says its own in place of it.

    Attributes
    ----------
    fault, remedy : str
        These.
    """

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(fault, remedy)
        self.fault, self.remedy = fault, remedy

    def __str__(self) -> str:
        return f"{self.fault} {self.remedy}"


class ExistsAlreadyError(RemediableError, ImageFileError):
    """What is to be written exists, and may not be replaced."""


class OtherRunError(RemediableError, ImageFileError):
    """Where a result is to be written lies the unfinished one of another request."""


class MovedAwayError(RemediableError, ImageFileError):
    """What was written is no longer where it was."""


class NotFiniteError(RemediableError):
    """Pixels that are needed are NaN or infinite."""


def first_line(error: Exception) -> str:
    """Return the first line of what a decoder says, without a full stop, or its type if it says nothing.

    Some quote what they stumbled over, whatever that is and however long.
    """
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = reason.strip().splitlines()
    return printable(lines[0].rstrip("."), 200) if lines else type(error).__name__
