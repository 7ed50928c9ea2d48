"""Validation: all real numbers pass untouched, everything else gets one clear sentence."""

import io
import re

import numpy as np
import pytest
import torch

from napari_cvdm.models import load_model
from napari_cvdm.restoration.errors import GivenUp, InputError, InputTypeError
from napari_cvdm.restoration.lazy import restore_lazy
from napari_cvdm.restoration.validation import (
    Watched,
    check_dtype,
    check_fits,
    check_image,
    check_measured,
    read_pixels,
)


def gradient(shape=(16, 12), dtype=np.float64):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "<u2", ">u2", "<i4", ">i4", ">u8", "i8", "f2", ">f4", "f8", "g"]
)
def test_real_numbers_of_every_width_and_byte_order_pass_uncopied(dtype):
    image = gradient(dtype=dtype) % 100
    image = image.astype(dtype)
    assert np.shares_memory(check_image(image), image)


def test_lists_and_masked_arrays_without_a_mask_pass():
    assert check_image(gradient().tolist()).shape == (16, 12)
    plain = check_image(np.ma.masked_array(gradient()))
    assert type(plain) is np.ndarray


def test_a_tensor_that_is_being_trained_passes_as_well():
    image = torch.tensor(gradient(), requires_grad=True)
    np.testing.assert_array_equal(check_image(image), gradient())


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (gradient() > 5, "boolean"),
        (gradient(dtype=complex), "complex"),
        (gradient(dtype=object), "Python objects"),
        (gradient(dtype=str), "does not hold numbers"),
        (gradient().astype("i8").astype("M8[s]"), "does not hold numbers"),
        (np.zeros((16, 12), [("a", "f4"), ("b", "f4")]), "records"),
        ([[1, 2], [3]], "not an array of numbers"),
        (None, "Python objects"),
        (io.BytesIO(b"II*\0"), "Python objects"),
        ("cell.tif", "does not hold numbers"),
    ],
)
def test_what_is_not_a_number_is_a_type_error(image, message):
    with pytest.raises(InputTypeError, match=message):
        check_image(image)


def with_value(value):
    image = gradient()
    image[3, 4] = value
    return image


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 16)), "empty"),
        (np.arange(16.0), "1 axes"),
        (7.0, "0 axes"),
        (
            with_value(np.nan),
            r"1 pixel that is not finite \(NaN or infinite\) at index \(3, 4\)\. Restore a region that has "
            r"none .* Or replace it first",
        ),
        (np.stack([gradient(), with_value(np.nan)]), r"at index \(1, 3, 4\)"),
        (with_value(np.inf), "1 pixel that is not finite"),
        (with_value(-np.inf), "1 pixel that is not finite"),
        (
            np.full((16, 12), np.nan),
            r"192 pixels that are not finite \(NaN or infinite\), the first at index \(0, 0\)",
        ),
        (np.full((16, 12), 7, "u1"), "constant: every pixel is 7"),
        (np.ma.masked_less(gradient(), 5), "masked"),
        (gradient() * 1e300, "single-precision"),
        (gradient() * 1e-300, "single-precision"),
        (gradient(dtype="u8") + np.uint64(2**63), "Subtract the offset"),
        (1e20 + 2e4 * gradient(), "Subtract the offset"),
    ],
)
def test_what_cannot_be_restored_is_a_value_error(image, message):
    with pytest.raises(InputError, match=message):
        check_image(image)


@pytest.mark.parametrize(
    "image",
    [
        gradient() > 5,
        gradient(dtype=complex),
        gradient(dtype=object),
        with_value(np.nan),
        np.ma.masked_less(gradient(), 5),
        1e20 + 2e4 * gradient(),
    ],
)
def test_the_remedy_can_be_understood_without_knowing_python(image):
    with pytest.raises((InputError, InputTypeError)) as refused:
        check_image(image)
    assert not re.search(r"numpy|[a-z]\(|[a-z]\.[a-z]|=", str(refused.value))


def test_checks_leave_the_image_alone_and_accept_read_only_and_strided_views():
    image = gradient((32, 24))
    image.flags.writeable = False
    view = image[::2, ::-2]
    assert np.shares_memory(check_image(view), image)


def test_a_type_can_be_checked_without_reading_pixels():
    check_dtype(np.dtype(">u2"))
    with pytest.raises(InputTypeError):
        check_dtype(np.dtype(bool))


def test_a_result_larger_than_the_memory_is_refused_before_it_is_asked_for() -> None:
    check_fits(2**20)
    with pytest.raises(InputError, match=r"1\.05e\+06 GB.*-o NAME\.ome\.zarr.*restore_lazy"):
        check_fits(2**50)


def test_one_plane_without_structure_does_not_make_a_stack_constant() -> None:
    check_measured([(3, 3), (1, 5)])
    with pytest.raises(InputError, match="constant: all pixels are the same"):
        check_measured([(3, 3), (4, 4)])


def test_what_goes_wrong_while_slicing_a_watched_array_is_said_but_cancelling_goes_through() -> None:
    class Broken:
        def __getitem__(self, wanted: object) -> object:
            raise RuntimeError("a chunk is damaged")

    class Cancelled(Exception):
        pass

    def cancel() -> None:
        raise Cancelled

    with pytest.raises(InputError, match=r"could not be read \(a chunk is damaged\)"):
        Watched(Broken())[0]
    with pytest.raises(Cancelled):
        Watched(Broken(), cancel)[0]


def test_parts_of_a_watched_array_are_watched_and_what_is_read_is_noted() -> None:
    asked: list[None] = []
    noted: list[list[int]] = []
    watched = Watched(
        np.arange(12).reshape(3, 4), lambda: asked.append(None), lambda pixels: noted.append(pixels.tolist())
    )
    part = watched[1].T
    read = np.asarray(part[2:])
    assert (read.tolist(), read.dtype.kind) == ([6, 7], "i")
    assert np.asarray(part[:1], np.float32).dtype == np.float32
    assert (len(asked), noted) == (3, [[6, 7], [4]])
    assert part.chunks is None


def test_pixels_that_are_not_finite_are_refused_when_they_are_read() -> None:
    plane = np.zeros((20, 30))
    plane[7, 12] = np.nan
    with pytest.raises(InputError, match=r"at index \(7, 12\) of plane 3\."):
        read_pixels(plane, " of plane 3")


def test_who_gives_up_while_an_array_is_read_hears_of_no_fault() -> None:
    class GivenUpWhenRead:
        shape, ndim, dtype = (20, 20), 2, np.dtype(np.uint8)

        def __getitem__(self, wanted: object) -> object:
            raise GivenUp

    with pytest.raises(GivenUp):
        Watched(GivenUpWhenRead())[:4]
    with pytest.raises(GivenUp):
        restore_lazy(GivenUpWhenRead(), load_model())


def test_a_lazy_restoration_says_how_to_make_an_array_of_what_is_none() -> None:
    """A tensor has types of its own, which numpy does not know."""
    with pytest.raises(InputTypeError, match=r"not Tensor.*numpy\.asarray"):
        restore_lazy(torch.zeros(64, 64), load_model())
    with pytest.raises(InputTypeError, match=r"not list.*restore\(\)"):
        restore_lazy([[0.0]], load_model())
