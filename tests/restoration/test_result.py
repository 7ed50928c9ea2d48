"""What a restoration gives back."""

import numpy as np
import pytest

from napari_cvdm.restoration.result import Restoration


@pytest.mark.parametrize(("pixel_size", "restored"), [(65.0, 32.5), (None, None)])
def test_restored_pixels_are_smaller(pixel_size: float | None, restored: float | None) -> None:
    picture = np.zeros((2, 2), np.float32)
    result = Restoration(picture, picture, None, "YX", pixel_size, 2, {})
    assert result.restored_pixel_size == restored


def test_results_are_compared_by_identity() -> None:
    # Comparing the arrays would raise, in the middle of some innocent `in` or `==`.
    picture = np.zeros((2, 2), np.float32)
    first, second = (Restoration(picture, picture, None, "YX", None, 2, {}) for _ in range(2))
    assert first != second
    assert first in [second, first]
