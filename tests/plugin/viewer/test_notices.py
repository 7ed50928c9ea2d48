"""What files say is never markup to the viewer."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QTextDocument

from napari_cvdm.plugin.viewer import notices
from napari_cvdm.plugin.viewer.notices import literal_errors, literally
from napari_cvdm.restoration.errors import ImageFileError

MARKUP = "The card has unknown fields: <img src='/dev/zero'>."


class Document(QTextDocument):
    """Notes which pictures are to be read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def loadResource(self, kind, name):
        self.asked.append(name.toString())


@pytest.mark.parametrize("words", [MARKUP, "<p>a", "<?xml?><p>a", "<br>", "<!DOCTYPE html>", "a <b>c</b>"])
def test_markup_is_none_to_qt(qapp, words):
    assert not Qt.mightBeRichText(literally(words))


def test_what_qt_takes_for_markup_for_another_reason_reads_no_picture(qapp):
    words = f"a &lt; b {MARKUP}"
    asked = []
    for shown in (words, literally(words)):
        document = Document()
        document.setHtml(shown)
        document.setTextWidth(300)
        document.size()
        asked.append(document.asked)
    assert asked == [["/dev/zero"], []]


def test_other_words_are_as_they_were():
    assert literally("4 × 4 pixels > 2, R&D") == "4 × 4 pixels > 2, R&D"


@pytest.mark.parametrize("kind", ["info", "warning", "error"])
def test_notifications_are_literal(monkeypatch, kind):
    shown: list[str] = []
    monkeypatch.setattr(f"napari.utils.notifications.show_{kind}", shown.append)
    getattr(notices, f"show_{kind}")(MARKUP)
    assert shown == [literally(MARKUP)]


def test_what_readers_raise_is_literal():
    with pytest.raises(ImageFileError) as raised, literal_errors():
        raise ImageFileError(MARKUP)
    assert str(raised.value) == literally(MARKUP)
