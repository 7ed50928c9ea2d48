"""Hostile arrays, for `napari_cvdm.restore` and, where napari takes them, for the widget."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from tests.hostile.case import Case, scene

INTEGERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
FLOATS = ("f2", "f4", "f8", "g")


def array_cases() -> list[Case]:
    """Every hostile array."""
    parts = (_types(), _no_numbers(), _values(), _sizes(), _axes(), _layouts(), _things_that_are_no_arrays())
    return [case for part in parts for case in part]


def _types() -> Iterator[Case]:
    for code in (*INTEGERS, *FLOATS):
        for order, words in (("<", "little"), (">", "big")):
            if np.dtype(code).itemsize == 1 and order == ">":
                continue
            dtype = np.dtype(code).newbyteorder(order)
            low, high = (-100, 100) if code == "i1" else (0, 200)
            yield Case(f"type {dtype.name} {words}-endian", partial(_of_type, dtype, low, high))
    yield Case("type bool", lambda: scene(16, 16) > 100, "refused", words="boolean")


def _of_type(dtype: Any, low: float, high: float) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, (16, 20)).astype(dtype)


def _no_numbers() -> Iterator[Case]:
    plane = scene(16, 16)
    made: dict[str, Any] = {
        "complex64": plane.astype(np.complex64),
        "complex128": plane.astype(np.complex128),
        "objects that are numbers": plane.astype(object),
        "objects of all kinds": np.array([[1, "two"], [None, 4.0]] * 8, object).repeat(8, 1),
        "text": plane.astype(str),
        "bytes": plane.astype("S5"),
        "records": np.zeros((16, 16), [("red", "u1"), ("green", "u1")]),
        "dates": np.zeros((16, 16), "datetime64[s]"),
        "durations": np.zeros((16, 16), "timedelta64[ms]"),
        "raw void": np.zeros((16, 16), "V4"),
    }
    if hasattr(np.dtypes, "StringDType"):  # numpy 2
        made["strings of numpy 2"] = plane.astype(np.dtypes.StringDType())
    for name, image in made.items():
        yield Case(f"type {name}", partial(_give, image), "refused")


def _give(image: Any) -> Any:
    return image


def _with(places: Any, value: float, dtype: Any = np.float32) -> np.ndarray:
    image = scene(16, 16, dtype=dtype)
    image[places] = value
    return image


def _values() -> Iterator[Case]:
    for name, value in (("NaN", np.nan), ("infinity", np.inf), ("minus infinity", -np.inf)):
        yield Case(f"one {name}", partial(_with, (3, 4), value), "refused", words="not finite")
        yield Case(f"all {name}", partial(_with, ..., value), "refused", words="not finite")
    yield Case("NaN in a late plane", _late_nan, "refused", {"axes": "TYX"}, "not finite")
    for name, value in (("0", 0), ("1000", 1000), ("the largest uint16", 65535)):
        yield Case(f"constant {name}", partial(_with, ..., value, np.uint16), "refused", words="constant")
    yield Case("constant minus zero and zero", _both_zeros, "refused", words="constant")
    yield Case("one constant plane among others", _one_constant_plane, settings={"axes": "TYX"})
    yield Case("one constant channel", _one_constant_plane, settings={"axes": "CYX"})
    yield Case("half saturated", lambda: np.minimum(scene(16, 16) * 600, 65535).astype(np.uint16))
    yield Case("saturated but for one pixel", partial(_single, 255, 0, np.uint8))
    yield Case("one hot pixel", partial(_single, 0, 65535, np.uint16))
    yield Case("one pixel brighter by one", partial(_single, 1000, 1001, np.uint16))
    yield Case("one cold pixel", partial(_single, 500, 0, np.uint16))
    yield Case("all negative", lambda: -scene(16, 16, dtype=np.int32) - 5)
    yield Case("negative floats", lambda: -scene(16, 16, dtype=np.float32))
    yield Case("two values", lambda: (np.indices((16, 16)).sum(0) % 2).astype(np.uint8))
    yield Case("one bright row", _bright_row)
    yield Case("a large offset", lambda: scene(16, 16, dtype=np.float64) + 4e9)
    yield Case("an offset that drowns the contrast", _drowned, "refused", words="offset")
    yield Case("intensities beyond float32", lambda: scene(16, 16, dtype=np.float64) * 1e300, "refused")
    yield Case(
        "intensities near the end of float32", lambda: scene(16, 16, dtype=np.float64) * 1e34, "refused"
    )
    yield Case("intensities up to 1e30", lambda: scene(16, 16, dtype=np.float64) * 1e27)
    yield Case("intensities of 1e-20", lambda: scene(16, 16, dtype=np.float64) * 1e-20)
    yield Case("intensities too small", lambda: scene(16, 16, dtype=np.float64) * 1e-40, "refused")
    yield Case("the ends of int64", partial(_ends, np.int64))
    yield Case("the ends of uint64", partial(_ends, np.uint64))
    yield Case("the ends of int8", partial(_ends, np.int8))
    yield Case("the ends of float16", partial(_ends, np.float16))


def _late_nan() -> np.ndarray:
    image = scene(4, 12, 12, dtype=np.float32)
    image[3, 11, 11] = np.nan
    return image


def _both_zeros() -> np.ndarray:
    image = np.zeros((16, 16), np.float32)
    image[::2] = -0.0
    return image


def _one_constant_plane() -> np.ndarray:
    image = scene(3, 12, 12)
    image[1] = 7
    return image


def _single(background: int, pixel: int, dtype: Any) -> np.ndarray:
    image = np.full((16, 16), background, dtype)
    image[8, 5] = pixel
    return image


def _bright_row() -> np.ndarray:
    image = scene(16, 16)
    image[7] = 60000
    return image


def _drowned() -> np.ndarray:
    return 1e15 + np.indices((16, 16)).sum(0)


def _ends(dtype: Any) -> np.ndarray:
    info = np.finfo(dtype) if np.dtype(dtype).kind == "f" else np.iinfo(dtype)
    image = np.full((16, 16), info.min, dtype)
    image[4:9, 4:9] = info.max
    return image


def _sizes() -> Iterator[Case]:
    for side in range(1, 16):
        outcome = "refused" if side < 8 else "restored"
        yield Case(f"{side} × {side} pixels", partial(scene, side, side), outcome)
    for shape in ((1, 64), (64, 1), (7, 8), (8, 7), (7, 500), (1, 1000)):
        yield Case(f"{shape[0]} × {shape[1]} pixels", partial(scene, *shape), "refused", words="at least 8")
    for shape in ((17, 23), (31, 37), (41, 13), (9, 97), (101, 8), (8, 511), (512, 9), (33, 34), (19, 64)):
        yield Case(f"{shape[0]} × {shape[1]} pixels", partial(scene, *shape))
    for shape in ((0, 16), (16, 0), (0, 0), (0, 16, 16), (3, 0, 16), (2, 0, 3, 16, 16)):
        axes = "TCZYX"[-len(shape) :]
        yield Case(f"shape {shape}", partial(np.zeros, shape), "refused", {"axes": axes}, "empty")


def _axes() -> Iterator[Case]:
    right = {
        (3, 12, 14): ("TYX", "tyx", " ZYX ", "CYX", "QYX"),
        (12, 14, 3): ("YXS", "YXC", "YXT", "XYZ"),
        (12, 2, 14): ("YCX", "XTY"),
        (12, 12): ("YX", "XY"),
        (2, 1, 2, 12, 12): ("TCZYX", "QQQYX"),
        (1, 2, 1, 1, 12, 12): ("QTCZYX", "QQTCYX"),
        (2, 12, 1, 12, 1, 1): ("TXCYZS",),
        (1, 1, 1, 2, 1, 12, 12): ("QQTCZYX",),
    }
    for shape, names in right.items():
        for axes in names:
            yield Case(f"axes {axes!r} of {shape}", partial(scene, *shape), settings={"axes": axes})
    wrong: list[tuple[tuple[int, ...], Any]] = [
        ((3, 12, 14), None), ((12, 14, 3), None), ((3, 12, 14), "YX"), ((3, 12, 14), "TZYX"),
        ((3, 12, 14), "TTY"), ((3, 12, 14), "TZC"), ((3, 12, 14), "T X"), ((3, 12, 14), "WYX"),
        ((3, 12, 14), ""), ((3, 12, 14), 3), ((3, 12, 14), b"TYX"), ((3, 12, 14), ["T", "Y", "X"]),
        ((3, 12, 14), "ТYX"), ((3, 12, 14), "YXS\n\n"), ((3, 12, 14), "T" * 5000), ((12,), "X"), ((), None),
        ((2, 1, 2, 12, 12), None), ((3, 12, 14), "YTX"), ((12, 12), "XX"),
    ]  # fmt: skip
    for number, (shape, axes) in enumerate(wrong):
        name = repr(axes) if len(repr(axes)) < 30 else "of 5000 letters"
        yield Case(
            f"wrong axes {number}: {name} of {shape}", partial(scene, *shape), "refused", {"axes": axes}
        )


def _layouts() -> Iterator[Case]:
    base = scene(32, 40)
    made: dict[str, Any] = {
        "Fortran order": np.asfortranarray(base),
        "every other pixel": base[::2, ::2],
        "mirrored": base[::-1, ::-1],
        "transposed": base.T,
        "a window": base[3:20, 5:33],
        "one row repeated": np.broadcast_to(base[0], (16, 40)),
        "unaligned": _unaligned(),
        "not writable": _read_only(base),
        "a field of records": np.rec.fromarrays([base, base], names="a,b").a,
        "a matrix": base.view(np.matrix),
        "masked, nothing hidden": np.ma.masked_array(base),
    }
    for name, image in made.items():
        yield Case(f"layout {name}", partial(_give, image))
    yield Case("layout masked pixels", lambda: np.ma.masked_greater(base, 500), "refused", words="masked")


def _unaligned() -> np.ndarray:
    plane = scene(16, 16)
    return np.frombuffer(b"\0" + plane.tobytes(), np.uint8)[1:].view(np.uint16).reshape(16, 16)


def _read_only(base: np.ndarray) -> np.ndarray:
    image = base.copy()
    image.flags.writeable = False
    return image


class Failing:
    """Promises an image and fails when it is read."""

    shape, dtype, ndim = (16, 16), np.dtype("u2"), 2

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise self.error

    def __getitem__(self, key: Any) -> Any:
        raise self.error


def _things_that_are_no_arrays() -> Iterator[Case]:
    plane = scene(12, 12)
    yield Case("a list of lists", plane.tolist)
    yield Case("a tuple of rows", lambda: tuple(map(tuple, plane.tolist())))
    yield Case("a memory view", lambda: memoryview(plane))
    yield Case("a dask array", partial(_dask, plane))
    yield Case("a torch tensor", partial(_tensor, plane))
    refused: dict[str, Any] = {
        "nothing": None, "a number": 5, "text": "image.tif", "bytes": b"0" * 400,
        "a dictionary": {"image": 1},
        "a ragged list": [[1, 2, 3], [4]], "a set": {1, 2}, "a function": len, "a type": np.ndarray,
        "an array that fails when read": Failing(RuntimeError("the disk is gone")),
        "an array whose file is gone": Failing(OSError(5, "Input/output error")),
        "an array that misses a chunk": Failing(KeyError("0.0.1")),
    }  # fmt: skip
    for name, thing in refused.items():
        yield Case(f"no image: {name}", partial(_give, thing), "refused")
    yield Case("a dask array that fails half-way", partial(_failing_dask, plane), "refused", {"axes": "TYX"})


def _dask(plane: np.ndarray) -> Any:
    import dask.array as da

    return da.from_array(plane, chunks=5)


def _tensor(plane: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(plane.astype(np.int32))


def _failing_dask(plane: np.ndarray) -> Any:
    import dask.array as da

    def block(block_info: Any = None) -> np.ndarray:
        if block_info[None]["chunk-location"][0] == 2:
            raise OSError(5, "Input/output error")
        return plane[None]

    return da.map_blocks(block, chunks=((1, 1, 1), (12,), (12,)), dtype=plane.dtype)
