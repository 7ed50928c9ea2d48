"""Words put together to a line that the shells of this computer take apart into the same words."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence

_ON_WINDOWS = os.name == "nt"
#: What ends a quotation in one of the shells of Windows, or is carried out within.
_READ_DIFFERENTLY = re.compile('["`\u201c-\u201f]|\\$[\\w({?$^:]')


def joined(words: Sequence[str]) -> str | None:
    """Return the line; None if no quotation holds a word in all shells.

    The words, the program and its arguments, are of printable characters: a terminal takes others for keys.
    """
    if not _ON_WINDOWS:
        return shlex.join(words)
    if any(map(_READ_DIFFERENTLY.search, words)):
        return None
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """Quote a word for both shells of Windows: one takes it apart at commas and brackets, one at & and ^."""
    if re.fullmatch(r"[\w.:\\/=-]+", word):
        return word
    return '"' + re.sub(r"(\\+)$", r"\1\1", word) + '"'
