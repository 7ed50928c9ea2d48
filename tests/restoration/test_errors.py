"""Errors: callers who know only the built-in ones still catch them."""

import pickle

import pytest

from napari_cvdm.restoration.errors import (
    AxesError,
    DeviceError,
    ExistsAlreadyError,
    ImageFileError,
    InputError,
    InputTypeError,
    MovedAwayError,
    NotFiniteError,
    OtherRunError,
    RemediableError,
    first_line,
)
from napari_cvdm.restoration.validation import unreadable


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


@pytest.mark.parametrize(
    ("kind", "of_files"),
    [
        (RemediableError, False),
        (NotFiniteError, False),
        (ExistsAlreadyError, True),
        (MovedAwayError, True),
        (OtherRunError, True),
    ],
)
def test_a_remedy_is_said_after_the_fault_and_can_be_told_from_it(kind, of_files):
    error = pickle.loads(pickle.dumps(kind("It is there.", "Add --overwrite.")))  # as a cluster sends it
    assert isinstance(error, InputError)
    assert isinstance(error, ImageFileError) is of_files
    assert str(error) == "It is there. Add --overwrite."
    assert (error.fault, error.remedy) == ("It is there.", "Add --overwrite.")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("\n bad tile.\nAt 0x7f."), "bad tile"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (RuntimeError("tag \x1b[2J\x00"), "tag ?[2J?"),  # what a terminal would take for a command
        (RuntimeError("x" * 1000), "x" * 197 + "..."),
        (KeyError(), "KeyError"),
    ],
)
def test_what_a_decoder_says_is_told_in_one_short_line(error, words):
    assert first_line(error) == words
    assert f"({words})" in str(unreadable(error))
