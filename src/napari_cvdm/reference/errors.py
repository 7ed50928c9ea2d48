"""The one exception of this package."""

from __future__ import annotations

__all__ = ["WeightsFileError"]


class WeightsFileError(ValueError):
    """A Keras weights file cannot be read or is of no known variant; the message names fault and remedy."""
