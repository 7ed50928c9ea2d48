"""Whether the two images of a recorded pair show one field, and lie one on the other.

The recording is too blurred to be compared with the sharp image pixel by pixel; what a model shows of it is
not, however poor the model.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from napari_cvdm.assessment.alignment import check_alignment
from napari_cvdm.assessment.drawn import LEAST_CORRELATION
from napari_cvdm.assessment.metrics import correlation

#: Displacement, in pixels of the sharp image, from which a pair is said to be ill registered.
_FARTHEST = 1.0
#: Longest side of the part that is looked at, in pixels of the sharp image.
_LONGEST_SIDE = 512


class Agreement(NamedTuple):
    """What speaks for and against a pair's showing one field. From `compare_pair`.

    Attributes
    ----------
    correlation : float
        Of the sharp image with what the model shows.
    misregistration : str or None
        What follows the name of the pair in a sentence, without a full stop, if the sharp image does not lie
        where the model shows the recording's structures. None also where the two are not alike, which leaves
        nothing to register.
    """

    correlation: float
    misregistration: str | None

    @property
    def alike(self) -> bool:
        """Whether the two have enough in common to be of one field."""
        return self.correlation >= LEAST_CORRELATION


def compare_pair(sharp: ArrayLike, shown: ArrayLike) -> Agreement:
    """Compare the sharp image of a recorded pair with what a model shows of the recording.

    Parameters
    ----------
    sharp : array-like, (Y, X)
        The sharp image.
    shown : array-like, (Y, X)
        What the model's mean network shows of the recording, on the same grid.
    """
    likeness = correlation(sharp, shown)
    return Agreement(likeness, _misregistration(sharp, shown) if likeness >= LEAST_CORRELATION else None)


def doubts_about_pair(sharp: ArrayLike, shown: ArrayLike) -> list[str]:
    """Say what speaks against a pair's showing one field, a sentence each; see `compare_pair`."""
    found = compare_pair(sharp, shown)
    if not found.alike:
        return [
            "The sharp image has next to nothing in common with what the model shows of the recording "
            f"(correlation {found.correlation:.2f}): see whether the two belong together."
        ]
    return [] if found.misregistration is None else [f"The pair {found.misregistration}."]


def _misregistration(sharp: ArrayLike, shown: ArrayLike) -> str | None:
    pictures = [np.asarray(each) for each in (sharp, shown)]
    starts = [max(0, (n - _LONGEST_SIDE) // 2) for n in pictures[0].shape]
    part = tuple(slice(start, start + _LONGEST_SIDE) for start in starts)
    truth, seen = (each[part].astype(np.float64) for each in pictures)
    found = check_alignment(truth, seen, 1.0)
    if found.distance < _FARTHEST:
        return None
    rows, columns = found.displacement
    return (
        f"looks ill registered: the sharp image lies about {rows:+.1f} rows and {columns:+.1f} columns (of "
        "its own pixels) from what the recording shows"
    )
