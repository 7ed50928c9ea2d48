"""The shipped model on a real micrograph: the same pixels however the work is cut up and shared out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel, load_model
from napari_cvdm.restoration import banded
from napari_cvdm.restoration.restore import restore
from napari_cvdm.restoration.result import Restoration

DATA = Path(__file__).parents[1] / "data"
WANTED: dict[str, Any] = {"draws": 2, "steps": 2, "seed": 3, "device": "cpu"}


@pytest.fixture(scope="module")
def shipped() -> PretrainedModel:
    return load_model()


@pytest.fixture(scope="module")
def micrograph() -> NDArray[np.float32]:
    """Two real wide-field images side by side, 64 × 192 pixels: wider than the networks see."""
    images = [
        tifffile.imread(DATA / f"{name}_wf.tif")[:64].astype(np.float32) for name in ("tubulin", "actin")
    ]
    return np.hstack([(image - image.min()) / np.ptp(image) for image in images])


@pytest.fixture(scope="module")
def whole(shipped: PretrainedModel, micrograph: NDArray[np.float32]) -> Restoration:
    result = restore(micrograph, shipped, **WANTED)
    assert result.provenance["tile"]["noise"] > 224  # the plane with its margin
    # It would be easy to agree if there were nothing to see.
    assert float(result.std.mean()) > 1e-3 * float(np.ptp(result.mean))
    return result


def assert_same(one: Restoration, other: Restoration, tolerance: float, part: Any = ...) -> None:
    """Compare mean and standard deviation at every pixel, as shares of the range."""
    scale = tolerance * float(np.ptp(other.mean))
    np.testing.assert_allclose(one.mean, other.mean[part], rtol=0, atol=scale)
    np.testing.assert_allclose(one.std, other.std[part], rtol=0, atol=scale)


def test_tiled_equals_whole(
    shipped: PretrainedModel, micrograph: NDArray[np.float32], whole: Restoration
) -> None:
    tiled = restore(micrograph, shipped, tile=80, **WANTED)  # two rows and three columns of tiles
    assert_same(tiled, whole, 1e-4)
    # Rounding alone is left: the halo is all that one pass of a network sees.
    assert_same(tiled, whole, 1e-5)


def test_bands_change_nothing(
    shipped: PretrainedModel,
    micrograph: NDArray[np.float32],
    whole: Restoration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(banded, "BAND_BYTES", 1)
    monkeypatch.setattr(banded, "LEAST_ROWS", 10)
    assert_same(restore(micrograph, shipped, **WANTED), whole, 1e-5)


@pytest.fixture
def other_number_of_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2 if before == 1 else 1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("other_number_of_threads")
def test_threads_change_nothing(
    shipped: PretrainedModel, micrograph: NDArray[np.float32], whole: Restoration
) -> None:
    assert_same(restore(micrograph, shipped, **WANTED), whole, 1e-5)


def test_a_region_is_that_part_of_the_whole(
    shipped: PretrainedModel, micrograph: NDArray[np.float32], whole: Restoration
) -> None:
    part = restore(micrograph, shipped, region=((0, 64), (0, 30)), **WANTED)
    assert_same(part, whole, 1e-4, np.s_[:, :60])


def test_a_plane_of_a_stack_is_that_plane(shipped: PretrainedModel, micrograph: NDArray[np.float32]) -> None:
    stack = np.stack([micrograph[:32, :32], micrograph[32:, :32]])
    wanted = WANTED | {"axes": "ZYX", "normalize": "plane"}
    both, one = restore(stack, shipped, **wanted), restore(stack, shipped, planes={"Z": 1}, **wanted)
    np.testing.assert_array_equal(one.mean[0], both.mean[1])
    np.testing.assert_array_equal(one.std[0], both.std[1])
