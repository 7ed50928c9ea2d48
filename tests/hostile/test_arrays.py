"""Hostile arrays and settings through `restore`: a right result or one sentence; the input untouched."""

import re
import warnings

import numpy as np
import pytest

from napari_cvdm.models import PretrainedModel
from napari_cvdm.restoration.axes import name_axes
from napari_cvdm.restoration.restore import restore
from tests.hostile.arrays import array_cases
from tests.hostile.case import Case, is_one_clear_sentence
from tests.hostile.lookalikes import lookalike_cases
from tests.hostile.settings import setting_cases

ALL = [*array_cases(), *lookalike_cases(), *setting_cases()]


def fingerprint(image: object) -> bytes | None:
    """The bytes of an array, to see whether anybody wrote to it."""
    return np.asarray(image).tobytes() if isinstance(image, np.ndarray) else None


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_ends_well(case: Case, model: PretrainedModel) -> None:
    image = case.make()
    before = fingerprint(image)
    settings = {"draws": 1, "steps": 1, "device": "cpu", "tile": 64, **case.settings}
    if case.outcome == "refused":
        with pytest.raises((ValueError, TypeError)) as caught:
            restore(image, model, **settings)
        message = str(caught.value)
        assert is_one_clear_sentence(message), message
        assert re.search(case.words, message), message
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = restore(image, model, **settings)
        shape = np.shape(image)
        axes = name_axes(shape, case.settings.get("axes"))
        assert result.mean.shape == result.std.shape == axes.output_shape(2)
        assert result.mean.dtype == result.std.dtype == np.float32
        assert np.isfinite(result.mean).all()
        assert np.isfinite(result.std).all()
        assert (result.std >= 0).all()
    assert fingerprint(image) == before
