"""Whatever goes wrong is said in words, with what to do."""

from __future__ import annotations

import errno
import os

import pytest

from napari_cvdm.models import ModelError
from napari_cvdm.plugin.viewer.failures import in_plain_words
from napari_cvdm.restoration.errors import (
    DeviceError,
    ExistsAlreadyError,
    InputError,
    MovedAwayError,
    NotFiniteError,
    OtherRunError,
    RemediableError,
)


@pytest.mark.parametrize("error", [InputError("Too dark."), DeviceError("No GPU."), ModelError("Damaged.")])
def test_our_own_errors_speak_for_themselves(error):
    assert in_plain_words(error) == str(error)


@pytest.mark.parametrize("kind", [ExistsAlreadyError, OtherRunError])
def test_files_in_the_way_have_the_viewer_s_remedy_and_not_the_shell_s(kind):
    words = in_plain_words(kind("It is there.", "Add --overwrite."))
    assert words.startswith("It is there. ")
    assert "hoose another" in words
    assert "overwrit" not in words
    assert in_plain_words(MovedAwayError("It is gone.", "Repeat the command.")).startswith(
        "It is gone. Restore"
    )
    assert in_plain_words(RemediableError("It is there.", "Move it.")) == "It is there. Move it."


def test_pixels_that_are_not_finite_are_left_out_by_a_rectangle():
    words = in_plain_words(NotFiniteError("One pixel is NaN.", "In Python, set region."))
    assert words.startswith("One pixel is NaN. ")
    assert "draw a rectangle" in words
    assert "Python" not in words


@pytest.mark.parametrize(
    ("error", "remedy"),
    [(MemoryError(), "smaller tile"), (ModuleNotFoundError("No module named 'zarr'"), "'zarr'). Reinstall")],
)
def test_a_full_memory_and_a_broken_installation_have_a_remedy(error, remedy, caplog):
    assert remedy in in_plain_words(error)
    assert not caplog.records


@pytest.mark.parametrize(
    ("number", "file", "remedy"),
    [
        (errno.ENOSPC, None, "Make room on that disk"),
        (errno.EROFS, "/media/stick/.film.unfinished", "Choose a place"),
        (errno.ENOENT, "/media/stick/film.tif", "still there"),
        (errno.ENAMETOOLONG, "/tmp/long", ""),
    ],
)
def test_what_the_system_refuses_is_said_with_the_file_and_is_no_fault_to_report(
    number, file, remedy, caplog
):
    words = in_plain_words(OSError(number, os.strerror(number), *filter(None, [file])))
    assert words.startswith(f"'{file}': {os.strerror(number)}." if file else f"{os.strerror(number)}.")
    assert remedy in words
    assert "report" not in words
    assert "Errno" not in words
    assert not caplog.records


def test_an_error_that_the_system_has_not_raised_is_to_be_reported(caplog):
    assert "OSError: bad block" in in_plain_words(OSError("bad block"))
    assert caplog.records


def test_the_unexpected_is_to_be_reported(caplog):
    words = in_plain_words(ZeroDivisionError("division by zero"))
    assert "ZeroDivisionError: division by zero" in words
    assert "report" in words
    assert "Traceback" not in words
    assert caplog.records[0].exc_info  # the terminal has the details
