"""The one exception of the model store, and how text of a stranger goes into its messages."""

from __future__ import annotations

__all__ = ["ModelError", "printable"]


class ModelError(ValueError):
    """A model cannot be found, fetched, read or written; the message names the fault and the remedy."""


def printable(text: str, most: int) -> str:
    """Return untrusted text as it may be printed: no control characters or breaks, cut if too long."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= most else text[: most - 3] + "..."
