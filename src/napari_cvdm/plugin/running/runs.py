"""The runs of one panel: one at work, others waiting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qtpy.QtCore import QObject, Signal

from napari_cvdm.plugin.doubt.slices import current_slice, go_to
from napari_cvdm.plugin.doubt.words import drawn_words, outside_words
from napari_cvdm.plugin.results.copies import Copies
from napari_cvdm.plugin.running.claim import Claim
from napari_cvdm.plugin.running.deleted_layers import DeletedLayers
from napari_cvdm.plugin.running.plan import free_memory, memory_words
from napari_cvdm.plugin.running.run import Outcome, Run
from napari_cvdm.plugin.viewer.garbage import OldObjectsSpared

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Image

    from napari_cvdm.plugin.running.worker import Job


class Waiting(NamedTuple):
    """A run that waits, what it is called, and all that was asked for, in lines."""

    run: Run
    name: str
    settings: str


class Runs(QObject):
    """Starts runs one after the other: two at once would share the processor, and each be late.

    Attributes
    ----------
    waiting : list of Waiting
        Those that wait, the next one first.
    current : Run or None
        The one at work.
    """

    #: A run has begun or ended, was asked to end, waits, or waits no longer.
    changed = Signal()
    #: A run has begun.
    began = Signal()
    #: As `Run` has them, of whichever run is at work; where others wait or waited, words name its image.
    progressed = Signal(str, float)
    devices_found = Signal(object, object)
    warned = Signal(str)
    #: The `Outcome`, words about it, and the result layers that there are.
    ended = Signal(str, str, object)

    def __init__(self, viewer: Any, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.waiting: list[Waiting] = []
        self._deleted = DeletedLayers(viewer)
        self._copies = Copies(viewer)
        self._sliders: dict[int, float] = {}
        self.current: Run | None = None
        self._several = False

    @property
    def claimed(self) -> int:
        """Bytes of the free memory that the results of these runs have yet to fill."""
        return sum(run.job.claim.left for run in self._all() if not run.cancelling)

    def _all(self) -> list[Run]:
        return [*([self.current] if self.current else []), *(each.run for each in self.waiting)]

    def add(self, layer: Image, *jobs: Job, results_size: int = 0, memory: int = 0) -> None:
        """Start a job, or let it wait for those before it; of several, all but the first wait.

        ``results_size`` are the bytes that the results of all of them will take in memory, ``memory`` those
        that all would take while they run. A job that has to wait is given up if there is not enough for it
        when its turn comes.
        """
        for job in jobs:
            kept_draws = job.draws if job.keep_draws else 0
            job.claim = Claim(results_size // len(jobs), kept_draws, memory // len(jobs))
            # The run takes down where the layer lies now: it may be moved or deleted while the run waits.
            run = Run(self._viewer, layer, job, parent=self)
            if self.current is None:
                self._start(run)
            else:
                name = _name_of(job, [each.job for each in self._all()])
                self.waiting.append(Waiting(run, name, _settings_of(job)))
                self._several = True
                self.changed.emit()

    def take_out(self, number: int) -> None:
        """Take one of those that wait out of the queue."""
        self.waiting.pop(number).run.discard()
        self.changed.emit()

    def stop(self) -> None:
        """End the run at work with what it has; those that wait go on."""
        if self.current is not None:
            self.current.stop()
            self.changed.emit()

    def cancel(self) -> None:
        """Give up the run at work and what it has begun to write; those that wait go on."""
        if self.current is not None:
            self.current.cancel()
            self.changed.emit()

    def give_up_all(self) -> str:
        """Give up the run at work, but not what it has written, and all that wait; say what is kept."""
        while self.waiting:
            self.take_out(0)
        if self.current is None:
            return ""
        self.current.give_up()
        self.changed.emit()
        return self.current.job.kept

    def _start(self, run: Run) -> None:
        self.current = run
        self._sliders = _positions(self._viewer.dims)
        run.progressed.connect(self._on_progressed)
        run.devices_found.connect(self.devices_found)
        run.warned.connect(self._on_warned)
        run.ended.connect(self._on_ended)
        self.began.emit()
        self.changed.emit()
        run.start()

    def _of_image(self, words: str, run: Run | None) -> str:
        """Say which image words are about, unless there is but one run to think of."""
        words = words[:1].upper() + words[1:]
        return f"{run.job.name}: {words}" if self._several and run is not None else words

    def _on_progressed(self, words: str, fraction: float) -> None:
        self.progressed.emit(self._of_image(words, self.current), fraction)

    def _on_warned(self, words: str) -> None:
        self.warned.emit(self._of_image(words, self.current))

    def _on_ended(self, outcome: Outcome, words: str) -> None:
        run, self.current = self.current, None
        assert run is not None
        layers = run.layers if outcome == "done" else []
        run.deleteLater()
        if layers:
            words = " ".join(filter(None, (words, self._bring_into_view(layers[0]))))
        self.ended.emit(outcome, self._of_image(words, run), layers)
        following = self._next()
        if following is not None:
            self._start(following)
        else:
            self._several = False
            self.changed.emit()
        self._deleted.look_soon()  # what the run had a use for

    def _next(self) -> Run | None:
        """Hand out the next run that there is enough memory for, which others may have taken meanwhile."""
        while self.waiting:
            run, name, _ = self.waiting.pop(0)
            memory = run.job.claim.while_running
            if _has_memory(memory):
                return run
            needed, free = memory_words(memory), memory_words(free_memory())
            self.warned.emit(
                f"The run that waited ({name}) was not started: it takes {needed} of memory, and {free} are "
                "free. Free some, and press Restore again."
            )
            run.discard()
        return None

    def _bring_into_view(self, result: Image) -> str:
        """Move the sliders to a result of planes that are not in view; say so if the user has moved them."""
        place = current_slice(result, self._viewer.dims)
        if place is None or not place.outside:
            return ""
        if not self._sliders.items() <= _positions(self._viewer.dims).items():
            return outside_words(result, place, self._viewer.dims)
        go_to(result, place, self._viewer.dims)
        return ""


def _has_memory(size: int) -> bool:
    if size > free_memory():
        OldObjectsSpared.collect()  # the run before may have left objects behind, and arrays with them
    return size <= free_memory()


def _positions(dims: Dims) -> dict[int, float]:
    """Return where each slider stands, by the number of its axis from the last.

    Of the axes on the screen napari has a position, too, which changes with the finer pixels of a result.
    """
    return {axis - dims.ndim: dims.point[axis] for axis in dims.not_displayed}


def _name_of(job: Job, others: Sequence[Job]) -> str:
    """Name a run such that it can be told from others of the same image."""
    amount = "preview" if job.preview else drawn_words(job.draws, None)
    words = [job.name, job.part.words if job.part is not None else "", amount]
    asked = {"seed": job.seed, "model": Path(job.model).name, "steps": job.steps or "automatic"}
    for name, value in asked.items():
        if any(getattr(other, name) != getattr(job, name) for other in others):
            words.append(f"{name} {value}")
    return ", ".join(filter(None, words))


def _settings_of(job: Job) -> str:
    """Say all that was asked for, one line each."""
    drawn = f"Draws: {job.draws}, steps: {job.steps or 'automatic'}, seed: {job.seed}"
    size = f"{job.pixel_size:g} nm" if job.pixel_size else "not known"
    lines = (
        f"Image: {job.name}",
        f"Part: {job.part.words if job.part is not None else 'everything'}",
        f"Model: {job.model}",
        "Preview" if job.preview else drawn,
        f"Pixel size: {size}{', resampled' if job.resample else ''}",
        f"Compute on: {job.device}, tile: {job.tile}",
    )
    return "\n".join(lines)
