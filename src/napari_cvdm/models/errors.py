"""The one exception of the model store, and what several of its messages say alike."""

from __future__ import annotations

from pathlib import Path


class ModelError(ValueError):
    """A model cannot be found, fetched, read or written; the message names the fault and the remedy."""


def unreadable(path: Path, error: OSError) -> ModelError:
    """Say that a file cannot be read, and why."""
    return ModelError(f"{path} cannot be read: {error.strerror or error}.")


def printable(text: str, most: int) -> str:
    """Return untrusted text as it may be printed: no control characters or breaks, cut if too long."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= most else text[: most - 3] + "..."
