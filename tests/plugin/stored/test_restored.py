"""The image that a run restored is known where it is saved beside the result."""

from __future__ import annotations

import pytest

from napari_cvdm.plugin.running.worker import Job
from napari_cvdm.plugin.stored.restored import known_of_restored


def result(name: str = "cell", **changed) -> dict:
    asked = {**Job("cell", None, "TYX", pixel_size=65.0).describe(), "shape": [3, 8, 6], **changed}
    # Of a run that resampled a part of it, the size of its pixels is another.
    return {"source": name, "axes": "YX", "pixel_size_nm": 80.0, "upscaling": 2, "asked": asked}


def test_what_the_run_was_told_is_known():
    known = known_of_restored(
        "cell", (3, 8, 6), [{}, result("other"), result(part=[[1, 2, 1], [0, 8, 1], [0, 6, 1]])]
    )
    assert (known["axes"], known["pixel_size_nm"], known["upscaling"]) == ("TYX", 65.0, 1)
    assert known["asked"]["part"] is None
    assert known_of_restored("cell", (3, 8, 6, 3), [result()]) == known  # in colour


@pytest.mark.parametrize(
    "made",
    [
        {},
        result("other"),
        result(shape=[3, 8, 7]),
        result(shape=None),
        result(axes="?!"),
        {"asked": "nothing"},
    ],
)
def test_nothing_is_known_by_the_results_of_others(made):
    assert known_of_restored("cell", (3, 8, 6), [made]) == {}
