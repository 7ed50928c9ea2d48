"""A line means the same words again, whichever shell reads it."""

from __future__ import annotations

import shlex

import pytest

from napari_cvdm.plugin.panel import shell_words
from napari_cvdm.plugin.panel.shell_words import joined


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_words, "_ON_WINDOWS", True)


def test_elsewhere_it_is_what_the_shell_reads(monkeypatch):
    monkeypatch.setattr(shell_words, "_ON_WINDOWS", False)
    words = ["restore", "it's $(my); cell & more.tif", ""]
    assert shlex.split(joined(words)) == words


@pytest.mark.parametrize(
    ("word", "written"),
    [
        (r"C:\data\cell-1.tif", r"C:\data\cell-1.tif"),
        (r"C:\R&D\a (1);b.tif", r'"C:\R&D\a (1);b.tif"'),
        (r"C:\it's 100%\^a.tif", '"C:\\it\'s 100%\\^a.tif"'),
        ("C:\\my data\\", '"C:\\my data\\\\"'),
        (r"\\server\c$\my data\a.tif", r'"\\server\c$\my data\a.tif"'),
        ("2:10,0:8", '"2:10,0:8"'),  # PowerShell makes a list of two of words with a comma
        ("", '""'),
    ],
)
def test_on_windows_every_word_that_a_shell_might_take_apart_is_quoted(on_windows, word, written):
    assert joined(["restore", word]) == f"restore {written}"


@pytest.mark.parametrize("word", ["$(calc)", "${a}", "$a", "a`b", 'a"b', "a\u201c;calc;\u201c"])
def test_on_windows_there_is_no_line_with_a_word_that_no_quotation_holds(on_windows, word):
    assert joined(["restore", word]) is None
