"""An image in a file is called for by a number that it has."""

from __future__ import annotations

import pytest

from napari_cvdm.files.image_file import check_number
from napari_cvdm.restoration.errors import ImageFileError


@pytest.mark.parametrize(("number", "images"), [(0, 1), (0, 3), (2, 3)])
def test_what_is_there_can_be_called_for(number: int, images: int) -> None:
    check_number("a.tif", number, images)


@pytest.mark.parametrize(
    ("number", "images", "held"),
    [(1, 1, "1 image, number 0"), (3, 3, "3 images, numbers 0 to 2"), (-1, 3, "3 images, numbers 0 to 2")],
)
def test_what_is_not_there_is_refused_with_the_numbers_that_are(number: int, images: int, held: str) -> None:
    with pytest.raises(ImageFileError, match=rf"a\.tif holds {held}; there is no number {number}\."):
        check_number("a.tif", number, images)
