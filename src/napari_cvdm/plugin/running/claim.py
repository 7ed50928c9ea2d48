"""What of the free memory a run's results have yet to fill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Event


class Claim:
    """Counts down the memory that results will fill; what is filled, the computer itself counts as taken.

    Arrays that nothing was written to yet are still free to the computer, although they were asked for.

    ``size`` are the bytes of the results, of reconstruction, uncertainty and so many kept draws;
    ``while_running`` those that the run takes for images while it is at work, its results among them.
    """

    def __init__(self, size: int = 0, kept_draws: int = 0, while_running: int = 0) -> None:
        self._size, self._kept_draws = size, kept_draws
        self.while_running = while_running
        self._planes = 0
        self._pictures = self._draws = 0.0

    def watch(self, events: Iterator[Event]) -> Iterator[Event]:
        """Pass on a restoration's events, and count down as they tell of first pictures and of draws."""
        for event in events:
            if event.stage == "mean":
                self._planes += 1
                self._pictures = self._planes / event.planes
            self._draws = event.fraction
            yield event

    @property
    def left(self) -> int:
        """Bytes that are not filled yet."""
        filled = (2 * self._pictures + self._kept_draws * self._draws) / (2 + self._kept_draws)
        return round(self._size * (1 - filled))
