"""Hostile settings beside a good image, for `napari_cvdm.restore`."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.hostile.case import Case, Outcome, scene

_REFUSED: dict[str, tuple[Any, ...]] = {
    "pixel_size": (0, -1, float("nan"), float("inf"), "65", True, 1j, [65.0], b"65", -0.0, 1e-9, 0.065),
    "draws": (0, -1, 1.5, "2", True, 10**12, float("nan"), [2]),
    "steps": (0, -3, 2.5, "6", True, 10**12),
    "seed": (1.5, "0", None, True),
    "device": ("gpu", "cuda:99", "cuda:x", "", "tpu", None, 7, "cpu:3"),
    "tile": (0, -64, 1.5, "big", "", None, True, float("nan")),
    "preset": ("fast", 3, ""),
}
_ACCEPTED: dict[str, tuple[Any, ...]] = {
    "pixel_size": (1, 1e9, 65, None),
    "draws": (1, 3),
    "steps": (1,),
    "seed": (0, -1, 2**70),
    "device": ("cpu", " CPU ", "auto"),
    "tile": (1, 8, 10**6, "auto"),
}


def setting_cases() -> list[Case]:
    """Every hostile setting."""
    lists: tuple[tuple[dict[str, tuple[Any, ...]], Outcome], ...] = (
        (_REFUSED, "refused"),
        (_ACCEPTED, "restored"),
    )
    return [
        Case(f"{name}={value!r}", partial(scene, 12, 13), outcome, {name: value})
        for settings, outcome in lists
        for name, values in settings.items()
        for value in values
    ]
