"""Lengths and times in all spellings met in the wild, and what is none."""

import pytest

from napari_cvdm.files.physical_scale import in_seconds, length_in_nm


@pytest.mark.parametrize(
    "unit",
    [
        "µm",
        "\u03bcm",
        "um",
        "micron",
        "microns",
        "Micrometer",
        "micrometres",
        "\\u00B5m",
        "Âµm",
        "Î¼m",
        "\ufffdm",
        "?m",
        " µm\0",
    ],
)
def test_every_spelling_of_micrometre_is_understood(unit):
    assert length_in_nm(0.065, unit) == pytest.approx(65)


@pytest.mark.parametrize("unit", ["µs", "\u03bcs", "us", "microseconds", "\\u00B5s", "Âµs", "Î¼s", "µsec"])
def test_every_spelling_of_microsecond_is_understood(unit):
    assert in_seconds(250, unit) == pytest.approx(2.5e-4)


@pytest.mark.parametrize(
    ("value", "unit", "nm"),
    [
        (65, "nm", 65),
        (650, "Å", 65),
        ("0,065", "µm", 65),
        (6.5e-5, "mm", 65),
        (6.5e-6, "cm", 65),
        (6.5e-8, "m", 65),
        (1, "inch", 2.54e7),
    ],
)
def test_other_units_of_length(value, unit, nm):
    assert length_in_nm(value, unit) == pytest.approx(nm)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (65, "pixel"),
        (65, "pixels"),
        (65, ""),
        (65, None),
        (0, "nm"),
        (-1, "nm"),
        ("nan", "nm"),
        ("inf", "nm"),
        ("much", "nm"),
        (None, "nm"),
        (1, "reference frame"),
    ],
)
def test_no_length_is_made_of_what_is_none(value, unit):
    assert length_in_nm(value, unit) is None


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("nanosecond", 3e-9), ("microsecond", 3e-6), ("millisecond", 3e-3), ("second", 3), ("minute", 180)],
)
def test_times_in_the_words_of_ome_zarr(unit: str, seconds: float) -> None:
    assert in_seconds(3.0, unit) == in_seconds("3", f"{unit}s") == pytest.approx(seconds)
    assert in_seconds(3.0, None) is None
