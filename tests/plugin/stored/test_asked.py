"""What a file states of a run is taken only if it is what a run can have been asked for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_cvdm.plugin.image.parts import Part
from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.stored.asked import asked_of, part_of
from napari_cvdm.restoration.errors import InputError

PART = Part((range(1, 3), range(2, 18), range(24)))
ASKED = Job(
    "cell", np.zeros((3, 20, 24)), "TYX", part=PART, pixel_size=65.0, draws=2, seed=2**31 - 1
).describe()


def test_what_a_run_states_is_taken_as_it_is_even_from_a_file():
    for asked in (ASKED, json.loads(json.dumps(ASKED))):
        assert asked_of({"asked": asked}) == {**ASKED, "output": None}
        assert part_of({"asked": asked}) == list(PART.ranges)
    assert part_of({}) is None


@pytest.mark.parametrize(
    "altered",
    [
        {"axes": "TYX')"},
        {"axes": "TZ"},
        {"axes": None},
        {"model": {"name": "x"}},
        {"device": 1},
        {"seed": "0; reboot"},
        {"seed": True},
        {"tile": "64"},
        {"tile": None},
        {"draws": None},
        {"draws": 0},
        {"steps": 2.5},
        {"pixel_size": float("nan")},
        {"source_path": ["a"]},
        {"colours": "all"},
        {"normalize": "--overwrite"},
        {"rgb": "no"},
        {"shape": [3, 20]},
        {"shape": [3, None, 24]},
        {"part": [[1, 3, 1]]},
        {"part": "all"},
        {"part": [[1, 3, 1], [2, 18, 0], [0, 24, 1]]},
        {"part": [[1, 3, 1], [18, 2, 1], [0, 24, 1]]},
        {"part": [[1, 3, 1], [0, 10**400, 1], [0, 24, 1]]},
    ],
)
def test_anything_else_is_refused(altered):
    with pytest.raises(InputError, match=next(iter(altered))):
        asked_of({"asked": {**ASKED, **altered}})


@pytest.mark.parametrize("asked", [None, [], "everything", {}])
def test_without_a_statement_there_is_nothing_to_repeat(asked):
    with pytest.raises(InputError, match="does not say clearly"):
        asked_of({"asked": asked})


@pytest.mark.parametrize("part", ["abc", [1], [["0", "1", "1"]], [[0, 1]]])
def test_a_part_that_is_not_clear_is_refused(part):
    with pytest.raises(InputError, match="part"):
        part_of({"asked": {"part": part}})
