"""What a run knew of the image that it restored, for when that is saved beside its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from napari_cvdm.plugin.stored.asked import asked_of
from napari_cvdm.restoration.errors import InputError


def known_of_restored(
    name: str, shape: Sequence[int], results: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what the run of one of some results knew of an image: of the axes and the size of its pixels.

    The answer, in the terms of a provenance whose picture is the image itself, is empty if no run restored an
    image of that name and shape. The shape includes an axis of colours. Provenances that are none of
    results are passed over.
    """
    for made in results:
        try:
            asked = asked_of(made)
        except InputError:  # not of a run in the viewer
            continue
        restored = asked["shape"]
        if made.get("source") == name and restored and list(restored) == list(shape[: len(restored)]):
            return {
                "axes": asked["axes"],
                "pixel_size_nm": asked["pixel_size"],
                "upscaling": 1,
                "asked": {**asked, "part": None},
            }
    return {}
