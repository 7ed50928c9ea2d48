"""What is no plain array but may pass for one, for `napari_cvdm.restore`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from tests.hostile.case import Case, scene


def lookalike_cases() -> list[Case]:
    """Every lookalike of an array."""
    return list(_lookalikes())


class Subclass(np.ndarray):
    """An array of another name, as many libraries have."""


class Lookalike:
    """What pandas and xarray give: no array, but one that can be had."""

    def __init__(self, image: Any) -> None:
        self.image = image

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.image


def _lookalikes() -> Iterator[Case]:
    plane = scene(16, 18)
    yield Case("a subclass of an array", lambda: plane.view(Subclass))
    yield Case("what can be had as an array", lambda: Lookalike(plane))
    yield Case("a table of pandas", partial(_table, plane))
    yield Case("an array of xarray", partial(_labelled, plane))
    yield Case("a picture of pillow", partial(_picture, plane))
    yield Case("a file mapped into memory", partial(_mapped, plane))
    yield Case("an array with negative strides", lambda: plane[::-1, ::-2])
    yield Case("a zarr array in memory", partial(_zarr, plane))
    yield Case("a tensor that wants a gradient", partial(_gradient, plane))
    yield Case("a tensor without pixels", _meta, "refused")
    yield Case("a tensor of bfloat16", partial(_bfloat, plane), "refused")
    yield Case("a sparse tensor", partial(_sparse, plane), "refused")
    yield Case("a dask array of unknown shape", partial(_unknown, plane), "refused")
    yield Case("an array that gives a list", lambda: Lookalike(plane.tolist()), "refused")
    yield Case("an array that gives nothing", lambda: Lookalike(None), "refused")
    yield Case("an array of files' names", lambda: [["a.tif", "b.tif"]] * 16, "refused")
    yield Case("lists in lists without end", _endless, "refused")
    yield Case("a generator", lambda: (row for row in plane), "refused")
    yield Case("one number as an array", lambda: np.float64(3.0), "refused")


def _table(plane: np.ndarray) -> Any:
    import pandas

    return pandas.DataFrame(plane)


def _labelled(plane: np.ndarray) -> Any:
    import xarray

    return xarray.DataArray(plane, dims=("y", "x"))


def _picture(plane: np.ndarray) -> Any:
    from PIL import Image

    return Image.fromarray((plane // 8).astype(np.uint8))


def _mapped(plane: np.ndarray) -> Any:
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(plane.tobytes())
        file.flush()
        return np.memmap(file, plane.dtype, "r", shape=plane.shape)


def _zarr(plane: np.ndarray) -> Any:
    import zarr

    return zarr.array(plane, chunks=(7, 5))


def _gradient(plane: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(plane.astype(np.float32)).requires_grad_()


def _meta() -> Any:
    import torch

    return torch.empty((16, 16), device="meta")


def _bfloat(plane: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(plane.astype(np.float32)).bfloat16()


def _sparse(plane: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(plane.astype(np.float32)).to_sparse()


def _unknown(plane: np.ndarray) -> Any:
    import dask.array as da

    whole = da.from_array(plane, chunks=8)
    return whole[whole[:, 0] > 0]


def _endless() -> list[Any]:
    image: list[Any] = []
    image.append(image)
    return image
