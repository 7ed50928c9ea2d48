"""What a run tells the user about how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable


def seconds_in_words(seconds: float) -> str:
    """Say how long something will take, no more precisely than it can be known.

    >>> seconds_in_words(41.2), seconds_in_words(150), seconds_in_words(8000)
    ('about 40 s', 'about 2 min', 'about 2 h 15 min')
    """
    if seconds < 10:
        return "a few seconds"
    if seconds < 57.5:
        return f"about {5 * round(seconds / 5)} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min"
    hours, minutes = divmod(5 * round(minutes / 5), 60)
    return f"about {hours} h {minutes} min" if minutes else f"about {hours} h"


class TimeLeft:
    """Estimates the time left from the share of the work that is done."""

    #: Before this many seconds of work and this share of it, an estimate would only jump about.
    _SETTLED = (1.0, 0.01)

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start: tuple[float, float] | None = None

    def words(self, fraction: float) -> str:
        """Say how much time is left ("about 40 s left"), or nothing while it is too early to say."""
        now = self._clock()
        if self._start is None:
            # The first event comes after loading and warming up, which say nothing about the rest.
            self._start = (now, fraction)
            return ""
        elapsed, done = now - self._start[0], fraction - self._start[1]
        if elapsed < self._SETTLED[0] or done < self._SETTLED[1]:
            return ""
        return f"{seconds_in_words(elapsed / done * (1 - fraction))} left"
