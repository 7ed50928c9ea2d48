"""Presets settle the number of draws, and say so when they cannot."""

from __future__ import annotations

import pytest

from napari_cvdm.restoration.errors import InputError, InputTypeError
from napari_cvdm.restoration.presets import PRESETS, STANDARD, THOROUGH, find_preset, resolve_preset


def test_they_are_ordered_by_the_work_they_take():
    draws = [preset.draws for preset in PRESETS.values()]
    assert draws == sorted(draws)
    assert [preset.preview for preset in PRESETS.values()] == [True, False, False]
    assert all(preset.draws % 2 == 0 for preset in PRESETS.values())  # draws come in pairs


def test_names_are_found_in_any_case():
    assert find_preset(" Thorough ") is THOROUGH


@pytest.mark.parametrize(
    ("asked", "settled"),
    [
        ((None, None, False), (STANDARD.draws, False)),
        ((None, 3, False), (3, False)),
        (("thorough", None, False), (THOROUGH.draws, False)),
        (("thorough", 5, False), (5, False)),
        (("thorough", None, True), (THOROUGH.draws, True)),
    ],
)
def test_a_number_of_one_s_own_overrules_the_preset(asked, settled):
    assert resolve_preset(*asked) == settled


def test_a_preview_needs_no_number():
    assert resolve_preset("preview", None, False)[1] is True
    with pytest.raises(InputError, match="leave out the number of draws"):
        resolve_preset("preview", 4, False)


def test_unknown_presets_are_refused_with_the_known_ones():
    with pytest.raises(InputError, match="preview, standard, thorough"):
        find_preset("best")
    with pytest.raises(InputTypeError):
        find_preset(3)
