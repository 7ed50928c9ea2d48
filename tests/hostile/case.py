"""What a hostile input is, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

Outcome = Literal["restored", "refused", "either"]


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes
    ----------
    name : str
        Unique in the battery.
    make : callable
        Makes the image: an array or anything else for `restore`; for files it is called with a folder, and
        returns the path of what it made there.
    outcome : {"restored", "refused", "either"}
        A right result, or one clear sentence; or either of them, where versions of a library differ.
    settings : dict
        Beside the image: keywords of `restore`, or options of the command.
    words : str
        Must occur in the sentence (a regular expression).
    """

    name: str
    make: Callable[..., Any]
    outcome: Outcome = "restored"
    settings: dict[str, Any] = field(default_factory=dict)
    words: str = ""


def scene(*shape: int, dtype: Any = np.uint16) -> np.ndarray:
    """A plane or stack of a few bright blobs with photon noise, from about 100 to 1100."""
    rng = np.random.default_rng(sum(shape) + len(shape))
    image = rng.poisson(100, shape).astype(np.float64)
    if image.size:
        for _ in range(4):
            place = tuple(rng.integers(0, n) for n in shape)
            image[place] += 1000
    return image.astype(dtype)


def is_one_clear_sentence(message: str) -> bool:
    """Whether a message can be shown to a microscopist: short, one line, no trace of code."""
    signs_of_code = (
        "Traceback", "<class", "object at 0x", "NoneType", "Errno", "site-packages", "not supported between",
        "object is not", "has no attribute", "positional argument", "out of range", "not subscriptable",
        "invalid literal", "could not convert string",
    )  # fmt: skip
    return (
        10 < len(message) < 600
        and "\n" not in message.strip()
        and not any(sign in message for sign in signs_of_code)
        and message.strip()[0].isalnum() | (message.strip()[0] in "'\"/.(")
    )


def files_in(folder: Path) -> set[str]:
    """Names of all files in a folder, with the folders they are in."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
