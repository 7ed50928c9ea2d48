"""The same jobs from a shell; `application` has the commands."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line, as `napari_cvdm.cli.application.main` does.

    Parameters
    ----------
    arguments : list of str, optional
        What follows the program's name; by default what the shell gave.

    Returns
    -------
    int
        The exit code. An interruption while the program is still loading is one like any other.
    """
    try:
        from napari_cvdm.cli.application import main as run
    except KeyboardInterrupt:
        print("napari-cvdm: interrupted", file=sys.stderr)
        return 130
    return run(arguments)
