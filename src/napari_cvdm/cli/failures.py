"""From whatever ends a command to its exit code, and one line on stderr that says why."""

from __future__ import annotations

import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import typer

WRONG = 2
"""Exit code for wrong usage and bad input."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of the signal, as shells count."""


def run_to_exit_code(run: Callable[[], Any], program: str) -> int:
    """Run a command and turn its end into an exit code.

    Parameters
    ----------
    run : callable
        The command. It may return an exit code.
    program : str
        Name in front of each message.

    Returns
    -------
    int
        0, 2 for wrong usage or bad input, 130 when interrupted.

    Raises
    ------
    Exception
        Whatever is neither the user's fault nor the user's wish is a bug, and shows its traceback.
    """
    try:
        with _plain_warnings(), _termination_as_exit():
            code = run()
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; without this, Python complains when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        message = in_one_line(error)
        if message is None:
            raise
        print(f"{program}: {message}", file=sys.stderr)
        return WRONG
    if code == INTERRUPTED:
        print(f"{program}: interrupted", file=sys.stderr)
    return code if isinstance(code, int) else 0


@contextmanager
def about_input(source: Path) -> Iterator[None]:
    """Let whatever the user can put right about an input be said with its name.

    Parameters
    ----------
    source : Path
        The input, as the user has named it.

    Raises
    ------
    InputError
        In place of what went wrong: one line that names the input. Interruptions and bugs pass unchanged.
    """
    from napari_cvdm.restoration.errors import InputError

    try:
        yield
    except BrokenPipeError:  # says nothing about the input: nobody reads our output any more
        raise
    except Exception as error:
        message = in_one_line(error)
        if message is None:
            raise
        name, whole = _one_line(str(source)), _one_line(str(source.absolute()))
        is_named = _names(error, message, name) or _names(error, message, whole)
        raise InputError(message if is_named else f"{name}: {message}") from error


class Failures:
    """What is wrong with some of the inputs of one command: it does not keep the others from their turn.

    Parameters
    ----------
    inputs : int
        How many there are. What is wrong with one alone ends the command.
    called : str, optional
        What the inputs are.
    done : str, optional
        What becomes of them when nothing is wrong.
    """

    def __init__(self, inputs: int, called: str = "images", done: str = "restored") -> None:
        self._inputs, self._called, self._done = inputs, called, done
        self._said: dict[Path, str] = {}

    def __contains__(self, source: Path) -> bool:
        """Whether something was wrong with an input."""
        return source in self._said

    @contextmanager
    def noted(self, source: Path) -> Iterator[None]:
        """Say on stderr what the user can put right about an input, and go on after the context."""
        from napari_cvdm.restoration.errors import InputError

        try:
            with about_input(source):
                yield
        except InputError as error:
            if self._inputs == 1:
                raise
            self._said[source] = str(error)
            typer.echo(f"error: {error}", err=True)

    def tell(self) -> None:
        """Say all of it once more; after many inputs it has gone out of sight.

        Raises
        ------
        InputError
            If there was something, with how many inputs it was about.
        """
        from napari_cvdm.restoration.errors import InputError

        for words in self._said.values():
            typer.echo(f"not {self._done}: {words}", err=True)
        if self._said:
            failed = f"{len(self._said)} of {self._inputs} {self._called}"
            raise InputError(f"{failed} could not be {self._done}.")


def in_one_line(error: Exception) -> str | None:
    """Say in one line what the user can put right; None if it is nothing."""
    from napari_cvdm.restoration.errors import InputTypeError

    if hasattr(error, "format_message"):  # click's own, from whichever copy of click typer uses
        context = getattr(error, "ctx", None)
        hint = f" (see '{context.command_path} --help')" if context is not None else ""
        return _one_line(str(error.format_message())) + hint
    if isinstance(error, OSError):
        names = " to ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        reason = error.strerror or str(error)
        return _one_line(f"{names}: {reason}" if names else reason)
    if isinstance(error, MemoryError):
        return "the memory of this computer is not enough for an image of this size: take a part of it"
    if isinstance(error, ValueError | InputTypeError):
        return _one_line(str(error))
    return None


def _names(error: Exception, message: str, name: str) -> bool:
    """Whether a message names a file already; errors that know no files may hold its name by chance."""
    from napari_cvdm.restoration.errors import ImageFileError

    about_files = isinstance(error, ImageFileError | OSError)
    return about_files and re.search(rf"(?<!\S){re.escape(name)}(?!\w)", message) is not None


def _one_line(message: str) -> str:
    return " ".join(message.split())


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show warnings as a line for users instead of a place in the code."""

    def show(message: Warning | str, *_place: object, **_named: object) -> None:
        print(f"warning: {_one_line(str(message))}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def _termination_as_exit() -> Iterator[None]:
    """Let a termination by the system run the same clean-up as Ctrl-C."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
