"""One run in the viewer: a worker on one side, result layers on the other."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import QObject, Signal

from napari_cvdm.plugin.doubt.originals import note_restored
from napari_cvdm.plugin.doubt.words import drawn_words
from napari_cvdm.plugin.results.results import ResultLayers
from napari_cvdm.plugin.running.messages import (
    DevicesFound,
    Done,
    Kept,
    Message,
    Pictures,
    Preparing,
    Progress,
    Written,
    Wrote,
)
from napari_cvdm.plugin.running.progress import TimeLeft
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.viewer.graphics import main_window_of
from napari_cvdm.plugin.viewer.lasting import LastingWorker, WindowClosing
from napari_cvdm.restoration.events import progress_words

if TYPE_CHECKING:
    from napari.layers import Image

Outcome = Literal["done", "cancelled", "failed"]


class Run(QObject):
    """Carries out a job on a layer in a thread and shows its pictures as layers. Lives on the main thread.

    When its owner is destroyed, or its window is closed, the run is given up.
    """

    #: Words about what is being done, the share of the work done (negative while it cannot be known).
    progressed = Signal(str, float)
    #: A list of `Choice`, and how to get a GPU to work or None, once torch has been asked.
    devices_found = Signal(object, object)
    #: What the restoration or torch has to say that the user should know.
    warned = Signal(str)
    #: The `Outcome`, and words about it.
    ended = Signal(str, str)

    def __init__(self, viewer: Any, layer: Image, job: Job, parent: QObject) -> None:
        super().__init__(parent)
        self.job = job
        self._results = ResultLayers(
            viewer,
            layer,
            self,
            part_words=job.part.words if job.part else "",
            with_channel_axis=len(job.image_axes) > len(job.axes),
        )
        self._about: dict[str, Any] = {"run": job.run_id, "source": job.name, "asked": job.describe()}
        note_restored(job.run_id, layer)
        self._time_left = TimeLeft()
        self._results.removed.connect(self._on_settled)
        self._results.added.connect(self._on_settled)
        self._outcome: Outcome = "cancelled"  # unless something better or worse is heard
        self._unfinished = {"worker"}  # what must come to its end before the run has
        self._words = "Cancelled."
        self._hint: str | None = None  # how to get a GPU
        self._worker = self._make_worker()

    @property
    def layers(self) -> list[Image]:
        """The result layers that are in the viewer."""
        return self._results.layers

    def start(self) -> None:
        """Begin."""
        window = main_window_of(self)
        self._worker.belong_to(window)
        if window is not None:
            WindowClosing(window, self).closed.connect(self._worker.give_up)
        self.destroyed.connect(self._worker.give_up)
        self._worker.start()

    def discard(self) -> None:
        """Let go of the image, of a run that will never be started."""
        self.job.data = None
        self.deleteLater()

    def cancel(self) -> None:
        """Give up, and let nothing stay of what the run has begun on the disk."""
        self.job.cancel_requested.set()
        self.give_up()

    def give_up(self) -> None:
        """Stop: the layers go at once, and the worker ends before its next network pass."""
        if self._outcome == "cancelled" and not self.cancelling:
            self._words = f"Cancelled. {self.job.kept}".rstrip()
            self._worker.give_up()
            self._remove_layers()

    def stop(self) -> None:
        """End the run with what it has, as soon as every plane has a picture."""
        self.job.stop_requested.set()

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to end with what it has."""
        return self.job.stop_requested.is_set()

    @property
    def cancelling(self) -> bool:
        """Whether the run was asked to stop, by `give_up` or because its window was closed."""
        return bool(self._worker.abort_requested)

    def _make_worker(self) -> Any:
        from napari.qt.threading import create_worker

        # An `errored` slot of our own keeps napari from raising the error as if it were a bug.
        worker = create_worker(
            self.job.messages,
            _start_thread=False,
            _connect={"errored": self._on_error},
            _worker_class=LastingWorker,
        )
        worker.yielded.connect(self._on_message)
        worker.finished.connect(self._on_finished)
        reference = weakref.ref(worker)
        self.job.abort_requested = lambda: (alive := reference()) is None or alive.abort_requested
        self.job.report = lambda message: (alive := reference()) and alive.yielded.emit(message)
        return worker

    def _on_message(self, message: Message) -> None:
        if self.cancelling:
            return
        match message:
            case Preparing(words):
                self.progressed.emit(words, -1.0)
            case DevicesFound(choices, hint):
                self._hint = hint
                self.devices_found.emit(choices, hint)
            case Pictures():
                unfinished = {
                    **self._about,
                    **message.made,
                    "model": {"name": self.job.model},
                    "finished": False,
                }
                self._results.add(message, unfinished)
            case Progress(event, limits):
                if limits is not None:
                    self._results.update(limits)
                # Of the time to the end of all draws nothing would be true any more.
                left = "" if self.stopping else self._time_left.words(event.fraction)
                words = progress_words(event)
                if self.stopping and (event.under_way or event.stage) == "mean":
                    words = f"ends when every plane has its first picture: {words}"
                self.progressed.emit(", ".join(filter(None, (words, left))), event.fraction)
                if self._results.all_deleted():
                    self.cancel()
            case Wrote(words, fraction):
                left = self._time_left.words(fraction)
                self.progressed.emit(", ".join(filter(None, (words, left))), fraction)
            case Kept(words):
                self._words = words
            case Done(provenance, draws):
                about = self._note_done(_summary(provenance), provenance)
                self._results.finish(about, draws, _stopped_suffix(provenance))
            case Written(provenance=provenance):
                folder = provenance["written"]["reconstruction"]
                self._unfinished.add("layers")
                about = self._note_done(f"Done, and written to {folder}.", provenance)
                self._results.add_written(message, about)

    def _note_done(self, words: str, provenance: dict[str, Any]) -> dict[str, Any]:
        """Take down that there is a result, and tell its warnings; return all that is known of it."""
        self._outcome, self._words = "done", words
        for warning in provenance.get("warnings", ()):
            if warning != self._hint:  # which is told once, and not after each run
                self.warned.emit(warning)
        asked = {**self._about["asked"], "file_has_pixels": self.job.file_has_pixels}
        return {**self._about, "asked": asked, **provenance}

    def _on_error(self, error: Exception) -> None:
        self._outcome, self._words = "failed", str(error)
        self._remove_layers()

    def _remove_layers(self) -> None:
        self._unfinished.add("layers")
        self._results.remove()

    def _on_settled(self) -> None:
        self._finish("layers")

    def _on_finished(self) -> None:
        self._finish("worker")

    def _finish(self, part: str) -> None:
        # `give_up` has removed the layers. If the worker ends in another way, the viewer closes: hands off.
        self._unfinished.discard(part)
        if not self._unfinished:
            self.ended.emit(self._outcome, self._words)


def _stopped_suffix(provenance: dict[str, Any]) -> str:
    """Say in a result's name that it is not what was asked for."""
    stopped = provenance.get("stopped")
    if stopped is None:
        return ""
    done, draws = stopped["draws_of_planes"], stopped["draws_asked_for"]
    if len(done) == 1:
        return f"{done[0]} of {draws} draws"
    return f"{sum(n >= draws for n in done)} of {len(done)} planes with all draws"


def _stopped_early(draws_of_planes: list[int], made: str) -> str:
    """Say what a stopped run has; ``made`` tells the draws of the plane that has the fewest."""
    several = len(draws_of_planes) > 1
    if min(draws_of_planes):
        return (
            f"stopped early with {'at least ' if several else ''}{made}{' of each plane' if several else ''}"
        )
    which = f"of {'some' if any(draws_of_planes) else 'all'} planes " if several else ""
    return f"stopped early: {which}the mean network's picture only"


def _summary(provenance: dict[str, Any]) -> str:
    """Say how a result was made, as far as it matters for reading it."""
    made = drawn_words(provenance.get("draws"), provenance.get("steps"))
    if "stopped" in provenance:
        made = _stopped_early(provenance["stopped"]["draws_of_planes"], made)
    uncertainty = provenance.get("uncertainty", "uncalibrated")
    return (
        f"Done in {provenance.get('seconds', 0):.0f} s: {made}, {uncertainty} uncertainty. "
        "Orange marks where the model is least sure."
    )
