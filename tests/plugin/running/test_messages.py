"""Every message that a worker can send means something to the main thread."""

from __future__ import annotations

import typing

import numpy as np
import pytest

from napari_cvdm.plugin.running import messages
from napari_cvdm.plugin.running.messages import (
    DevicesFound,
    Done,
    Kept,
    Message,
    Pictures,
    Preparing,
    Progress,
    Written,
    Wrote,
)
from napari_cvdm.restoration.axes import resolve_axes
from napari_cvdm.restoration.events import Event

EXAMPLES = [
    Preparing("Loading"),
    DevicesFound([("CPU", "cpu")]),
    Pictures(np.zeros((2, 2)), np.zeros((2, 2)), resolve_axes((8, 8)), {}),
    Progress(Event("denoise", 0, 1, 0, 1, 1, 2, 0.5)),
    Done({}),
    Wrote("1 of 4 parts", 0.25),
    Kept("Repeat the run to go on."),
    Written({}, resolve_axes((8, 8)), {}, {}),
]


def test_the_type_lists_all_of_them():
    assert {type(example) for example in EXAMPLES} == set(typing.get_args(Message))
    own = {kind for kind in vars(messages).values() if getattr(kind, "__module__", "") == messages.__name__}
    assert own == set(typing.get_args(Message))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
def test_they_cannot_be_changed_on_their_way(example):
    name = next(iter(vars(example)))
    with pytest.raises(AttributeError):
        setattr(example, name, None)


def test_two_runs_do_not_share_their_signal():
    first, second = (Pictures(np.zeros(1), np.zeros(1), resolve_axes((8, 8)), {}) for _ in range(2))
    first.shown.set()
    assert not second.shown.is_set()
