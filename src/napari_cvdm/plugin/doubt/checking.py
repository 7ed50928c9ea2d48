"""*Check this result*: the checks that need no ground truth, as words, a map and a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QPushButton, QWidget

from napari_cvdm.files.whole_file import write_whole
from napari_cvdm.plugin.doubt.disagreement_map import ABOUT_MAP, DisagreementMap
from napari_cvdm.plugin.doubt.exporting import write_in_background
from napari_cvdm.plugin.doubt.linked import COLOURS_PARTED
from napari_cvdm.plugin.doubt.recording import recording_of
from napari_cvdm.plugin.doubt.words import plane_number, plane_words
from napari_cvdm.plugin.results.layers import full_data
from napari_cvdm.plugin.stored.made_by import ModelGone, model_that_made
from napari_cvdm.plugin.viewer.background import Background
from napari_cvdm.plugin.viewer.file_asking import ask_for_file
from napari_cvdm.plugin.viewer.rows import Buttons, note, stack_in
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_cvdm.assessment.checks import Checks
    from napari_cvdm.assessment.verdicts import Verdict
    from napari_cvdm.plugin.doubt.link import Link
    from napari_cvdm.plugin.doubt.linked import Result
    from napari_cvdm.plugin.doubt.own_layers import OwnLayers
    from napari_cvdm.plugin.doubt.slices import Slice
    from napari_cvdm.plugin.doubt.views import Arrangement
    from napari_cvdm.plugin.viewer.background import Task

_CHECK, _CHECK_TIP = (
    "Check this result",
    "Compare the plane in view with its original, and restore it again, moved.",
)
_STOP_TIP = "Give up this check."
_STOPPED = "Stopped: the plane was not checked."
_NEEDING_MODEL = ("Imaging conditions", "Stability")
_WITHOUT_MODEL = (
    "Left out are the imaging conditions, the stability, and what survives other noise (the restorations of "
    "two halves of the light)"
)
_PAGE_ENDINGS = (".html", ".htm")
_RESAMPLED = (
    "The original was resampled before it was restored, and for this comparison, too: its noise and light "
    "are measured wrongly."
)


@dataclass(frozen=True)
class Checked:
    """What the checks of a plane have found."""

    result: Result
    original: Image
    place: Slice
    checks: Checks
    left_out: str = ""  # which checks and why, a sentence; empty if none was
    citations: tuple[str, ...] = ()  # works to cite for the model

    @property
    def verdicts(self) -> list[Verdict]:
        """What each check says that was made."""
        omitted = _NEEDING_MODEL if self.left_out else ()
        return [verdict for verdict in self.checks.verdicts if verdict.name not in omitted]


class CheckSection(QWidget):
    """A button that checks the plane in view, what was found, and the report. Lives on the main thread.

    While a check is at work, the same button stops it.
    """

    def __init__(self, link: Link, maps: OwnLayers, arrangement: Arrangement) -> None:
        super().__init__()
        self._link = link
        self._map = DisagreementMap(link, maps, arrangement, self)
        self.checked: Checked | None = None  # what was found last
        self.button = QPushButton()
        self.save_button = QPushButton("Save report…")
        self.save_button.setToolTip("One HTML page with pictures and numbers, and the numbers as JSON.")
        self.save_button.setEnabled(False)
        self.findings = note(markup=True)
        self._show_busy(False)
        self._background = Background(self)
        self._background.done.connect(self._on_checked)
        self._background.failed.connect(self._on_failed)
        self.button.clicked.connect(self._on_clicked)
        self.save_button.clicked.connect(self._on_save)
        link.switched.connect(self._forget)
        stack_in(self, Buttons(self.button, self.save_button), self.findings)

    def close_down(self) -> None:
        """Stop; called when the panel goes."""
        self._background.drop()
        self._map.remove()

    def write(self, path: Path) -> None:
        """Write the report, as a page and as JSON beside it, in the background."""
        if self.checked is None:
            return
        result = self.checked.result
        said = {
            "name": result.reconstruction.name,
            "provenance": result.provenance,
            "citations": self.checked.citations,
            "plane": plane_number(result.reconstruction, self.checked.place),
            "left_out": self.checked.left_out,
        }
        write_in_background(partial(_write_report, self.checked.checks, said), path)

    def _forget(self) -> None:
        """What was found is about another result or original than the one looked at now."""
        self._background.drop()
        self._show_busy(False)
        self.checked = None
        self.save_button.setEnabled(False)
        self.findings.setText("")
        self._map.remove_soon()

    def _on_clicked(self) -> None:
        busy = self._busy
        self._forget()
        if busy:
            self.findings.setText(_STOPPED)
        else:
            self._show_busy(True)
            self._background.ask(check_task(self._link.result, self._link.original, self._link.current()))

    def _show_busy(self, busy: bool) -> None:
        """Turn the button into one that stops, or back."""
        self._busy = busy
        self.button.setText("Stop" if busy else _CHECK)
        self.button.setToolTip(_STOP_TIP if busy else _CHECK_TIP)
        if busy:
            self.findings.setText("Checking: this restores a detail a dozen times.")

    def _on_failed(self, words: str) -> None:
        self._show_busy(False)
        self.findings.setText(escape(words))

    def _on_checked(self, checked: Checked) -> None:
        self._show_busy(False)
        self.checked, result = checked, checked.result
        lines = [
            f"<b>{verdict.mark} {escape(verdict.name)}</b>: {escape(verdict.sentence)}"
            for verdict in checked.verdicts
        ]
        lines += [escape(words) for words in (checked.checks.part.words, checked.left_out) if words]
        if plane := plane_words(result.reconstruction, checked.place):
            lines.insert(0, f"Checked: {escape(plane)}.")
        if result.provenance.get("resampling"):
            lines.append(_RESAMPLED)
        if self._map.show(checked.checks, result, checked.original, checked.place):
            lines.append(ABOUT_MAP)
        self.findings.setText("<br>".join(lines))
        self.save_button.setEnabled(True)

    def _on_save(self) -> None:
        if self.checked is None:
            return
        path = ask_for_file(
            self,
            "Save the report",
            f"{self.checked.result.reconstruction.name} check.html",
            {"Web page (*.html)": _PAGE_ENDINGS},
            beside=lambda page: [_numbers_beside(page)],
        )
        if path is not None:
            self.write(path)


def check_task(result: Result | None, original: Image | None, place: Slice | None) -> Task:
    """Plan the checks of a plane; called on the main thread, carried out in another.

    The task returns `Checked`, and raises a readable error without an original to compare with, or a plane.
    """

    def check(checkpoint: Callable[[], None]) -> Checked:
        if result is None or original is None:
            parted = result is not None and result.colours_parted
            choose = "Choose the original of this result above, to compare with."
            raise InputError(COLOURS_PARTED if parted else choose)
        if not result.finished:  # the report would be taken for one about what comes out in the end
            raise InputError("This result is still being computed: check it when its run is over.")
        if place is None:
            raise InputError("A plane is checked: switch the viewer to 2-D.")
        from napari_cvdm.assessment.checks import run_checks

        image = recording_of(result, original, place).plane()
        index = tuple(slice(None) if i is None else i for i in place.index)
        draws = result.draws
        provenance = result.provenance
        left_out, model = "", None
        try:
            model = model_that_made(provenance, checkpoint)
        except ModelGone as error:
            left_out = f"{_WITHOUT_MODEL}: {error.reason}."
        checks = run_checks(
            image,
            full_data(result.reconstruction)[index],
            std=full_data(result.uncertainty)[index],
            draws=None if draws is None else draws[(slice(None), *index)],
            pixel_size=provenance.get("pixel_size_nm"),
            model=model,
            provenance=provenance,
            progress=lambda words, share: checkpoint(),
        )
        citations = () if model is None else model.card.citations
        return Checked(result, original, place, checks, left_out, citations)

    return check


def _write_report(checks: Checks, said: dict[str, Any], path: Path) -> None:
    """Draw and write a report; for a worker. Files are whole when they appear."""
    from napari_cvdm.assessment.report import html_report, json_report

    for target, report in ((path, html_report), (_numbers_beside(path), json_report)):
        write_whole(target, report(checks, **said))


def _numbers_beside(page: Path) -> Path:
    """Return where the numbers of a report go; a point in its name that begins no ending stays."""
    stem = page.stem if page.suffix.lower() in _PAGE_ENDINGS else page.name
    return page.with_name(f"{stem}.json")
