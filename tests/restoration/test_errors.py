"""Errors: callers who know only the built-in ones still catch them."""

import pytest

from napari_cvdm.restoration.errors import (
    AxesError,
    DeviceError,
    ImageFileError,
    InputError,
    InputTypeError,
)


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (InputError, (ValueError,)),
        (InputTypeError, (TypeError,)),
        (AxesError, (InputError, ValueError)),
        (ImageFileError, (InputError, ValueError)),
        (DeviceError, (ValueError,)),
    ],
)
def test_every_error_is_one_that_python_knows(error, bases):
    assert issubclass(error, bases)
    # napari's generator workers lose a RuntimeError without a word.
    assert not issubclass(error, RuntimeError)
    assert str(error("what is wrong")) == "what is wrong"


def test_a_wrong_device_is_no_fault_of_the_image():
    assert not issubclass(DeviceError, InputError)
