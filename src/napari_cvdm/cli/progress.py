"""Progress of restorations: a bar in a terminal, plain lines where there is none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from napari_cvdm.restoration.events import Event


class ProgressDisplay:
    """Shows how far a job is. A context manager: leaving it restores the terminal.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to show it; by default stderr, so that stdout holds results alone. If it is no terminal, there
        is a line for each tenth of the work.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.fields[label]}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.description}", markup=False),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_interactive,
        )
        self._task = self._bar.add_task("starting", total=1.0, label="")
        self._started = time.monotonic()
        self._tenth = -1

    def __enter__(self) -> ProgressDisplay:
        """Begin to show."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was; of a job that was refused at once, without a bar."""
        if self.console.is_interactive:  # without one, rich before 14.3 would print an empty line
            self._bar.live.transient = not self._bar.tasks[0].fields["label"]
            self._bar.stop()

    def show(self, label: str, event: Event, fraction: float | None = None) -> None:
        """Show an event of the restoration of `label`, which may be a part of the job: `fraction` tells."""
        from napari_cvdm.restoration.events import progress_words

        self.advance(label, event.fraction if fraction is None else fraction, progress_words(event))

    def advance(self, label: str, fraction: float, doing: str) -> None:
        """Show what share of a job is done, and what is being done now, in a few words."""
        if self.console.is_interactive:
            self._bar.update(self._task, label=label, completed=fraction, description=doing)
        elif int(fraction * 10) > self._tenth:
            self._tenth = int(fraction * 10)
            seconds = time.monotonic() - self._started
            left = f", about {seconds * (1 - fraction) / fraction:.0f} s left" if 0 < fraction < 1 else ""
            line = f"{label}: {100 * fraction:.0f} %, {doing}{left}"
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
