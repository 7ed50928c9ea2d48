import doctest

import pytest

from napari_cvdm.assessment import plain_numbers
from napari_cvdm.assessment.plain_numbers import plain_number


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(plain_numbers).failed == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.5, "-0.5"),
        (99.99, "100"),
        (65535, "65500"),
        (1.09e7, "10900000"),
        (2.384e-5, "0.0000238"),
        (1e-20, "1e-20"),
        (1e20, "1e+20"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_powers_of_ten_are_for_the_extremes(value: float, text: str) -> None:
    assert plain_number(value) == text
