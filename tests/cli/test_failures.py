from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from napari_cvdm.cli.failures import about_input, run_to_exit_code
from napari_cvdm.models import ModelError
from napari_cvdm.restoration.errors import DeviceError, ImageFileError, InputError, InputTypeError


def raising(error: BaseException) -> Callable[[], Any]:
    def run() -> Any:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("The image is\n  empty."), "prog: The image is empty."),
        (InputTypeError("No."), "prog: No."),
        (DeviceError("No such device."), "prog: No such device."),
        (ModelError("No model."), "prog: No model."),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.tif"), "prog: a.tif: No such file"),
        (OSError(errno.EXDEV, "Cannot link", "a", None, "b"), "prog: a to b: Cannot link"),
        (OSError("broken"), "prog: broken"),
        (typer.BadParameter("not a number"), "prog: Invalid value: not a number"),
    ],
)
def test_what_the_user_can_put_right_is_one_line_and_exit_code_2(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_to_exit_code(raising(error), "prog") == 2
    captured = capsys.readouterr()
    assert captured.err == line + "\n"
    assert captured.out == ""


class TestAboutAnInput:
    @pytest.mark.parametrize(
        ("source", "error", "message"),
        [
            ("in/a.tif", InputError("The image is\n  empty."), "in/a.tif: The image is empty."),
            ("in/a.tif", InputTypeError("No."), "in/a.tif: No."),
            ("in/a.tif", ImageFileError("There is no file in/a.tif."), "There is no file in/a.tif."),
            ("in/a.tif", ImageFileError("in/a.tiff is in the way."), "in/a.tif: in/a.tiff is in the way."),
            ("in/a.tif", ImageFileError("out/in/a.tif is full."), "in/a.tif: out/in/a.tif is full."),
            ("a.tif", OSError(errno.EIO, "Broken", "a.tif"), "a.tif: Broken"),
            ("two  words", ImageFileError("two  words is empty."), "two words is empty."),
            # Words that happen to be the name of the file.
            ("image", InputError("The image is empty."), "image: The image is empty."),
            (".", InputError("The image is empty."), ".: The image is empty."),
        ],
    )
    def test_a_message_names_it_once(self, source: str, error: Exception, message: str) -> None:
        with pytest.raises(InputError) as caught, about_input(Path(source)):
            raise error
        assert str(caught.value) == message
        assert caught.value.__cause__ is error

    def test_its_full_path_names_it_too(self) -> None:
        message = f"{Path('a.tif').absolute()} is corrupt."
        with pytest.raises(InputError) as caught, about_input(Path("a.tif")):
            raise ImageFileError(message)
        assert str(caught.value) == message

    def test_memory_that_ran_out_is_about_it(self) -> None:
        with pytest.raises(InputError, match=r"^a\.tif: the memory"), about_input(Path("a.tif")):
            raise MemoryError

    @pytest.mark.parametrize(
        "error", [KeyboardInterrupt(), SystemExit(143), BrokenPipeError(), ZeroDivisionError(), typer.Abort()]
    )
    def test_interruptions_and_bugs_pass(self, error: BaseException) -> None:
        with pytest.raises(type(error)) as caught, about_input(Path("a.tif")):
            raise error
        assert caught.value is error


def test_too_little_memory_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_to_exit_code(raising(MemoryError()), "prog") == 2
    assert "memory" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_an_interruption_is_exit_code_130(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_to_exit_code(raising(error), "prog") == 130
    assert capsys.readouterr().err == "prog: interrupted\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_to_exit_code(lambda: 1 / 0, "prog")


def test_success_is_0_and_an_exit_code_is_passed_on() -> None:
    assert run_to_exit_code(lambda: None, "prog") == 0
    assert run_to_exit_code(lambda: 3, "prog") == 3


def test_warnings_are_lines_for_users(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        warnings.simplefilter("always")
        warnings.warn("Mind\nthis.", UserWarning, stacklevel=1)

    before = warnings.showwarning
    assert run_to_exit_code(run, "prog") == 0
    assert capsys.readouterr().err == "warning: Mind this.\n"
    assert warnings.showwarning is before


def test_a_termination_cleans_up() -> None:
    cleaned = []

    def run() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            cleaned.append(True)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught:
        run_to_exit_code(run, "prog")
    assert caught.value.code == 143
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_reader_who_leaves_early_is_no_complaint() -> None:
    program = (
        "import sys; from napari_cvdm.cli.failures import run_to_exit_code as r;"
        "sys.exit(r(lambda: [print('x' * 1000, flush=True) for _ in range(1000)] and None, 'prog'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1
