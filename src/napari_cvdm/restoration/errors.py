"""What can be wrong with an image or a setting, as exceptions whose message names the fault and the remedy.

All of them but `GivenUp` are subclasses of `ValueError` or `TypeError`, so that callers who know nothing of
this package still catch them, while the command line and the widget show exactly these, as one sentence, no
traceback.
"""

from __future__ import annotations


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
