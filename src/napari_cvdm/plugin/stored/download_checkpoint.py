"""Cancelling a run while its model is downloaded."""

from __future__ import annotations

from collections.abc import Callable


class DownloadCheckpoint:
    """Stands where a progress bar would, and is told of every piece that has come.

    What the checkpoint raises ends the download.
    """

    total = 0

    def __init__(self, checkpoint: Callable[[], None]) -> None:
        self._checkpoint = checkpoint

    def update(self, amount: int) -> None:
        """Note a piece."""
        self._checkpoint()

    def reset(self) -> None:
        """Begin anew."""

    def close(self) -> None:
        """End."""
