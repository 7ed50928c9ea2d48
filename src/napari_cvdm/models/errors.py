"""The one exception of the model store."""

from __future__ import annotations

__all__ = ["ModelError"]


class ModelError(ValueError):
    """A model cannot be found, fetched, read or written; the message names the fault and the remedy."""
