"""Processes forked from one that has loaded a model, as `multiprocessing` makes them on Linux by default.

A fork has none of the threads that torch computes with, but OpenMP in it believes that they are there, and
waits for them for ever at the first computation which would share work out. One thread alone needs no others.
"""

from __future__ import annotations

import os
import sys
from functools import cache


@cache
def compute_alone_when_forked() -> None:
    """See to it that torch uses a single thread in every process that is forked from this one; once."""
    if hasattr(os, "register_at_fork"):  # Windows knows no forks
        os.register_at_fork(after_in_child=_compute_alone)


def _compute_alone() -> None:
    # Of this module alone, where no model could be read, there is no torch yet: a fork need not load it.
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
