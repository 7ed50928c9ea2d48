"""Fields of recorded pairs: read, checked, expressed in a model's intensities, and cut to patches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from napari_cvdm.assessment.drawn import LEAST_CORRELATION
from napari_cvdm.assessment.metrics import match_intensity
from napari_cvdm.assessment.pairs import Pair, check_plane
from napari_cvdm.assessment.registration import compare_pair
from napari_cvdm.files.image_file import ImageFile
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.restoration.axes import name_axes
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.restore import restore
from napari_cvdm.training.config import DataConfig
from napari_cvdm.training.dataset import Patches, cut_patches

if TYPE_CHECKING:
    from napari_cvdm.models.pretrained import PretrainedModel

LARGEST_SIDE = 96
"""Longest side of a patch in camera pixels: beyond, a step takes long and teaches little more."""

LEAST_SIDE = 16
"""Shortest side of a patch in camera pixels."""

_TILE = 512  # not "auto": what the mean network shows must not depend on the memory that is free


class RecordedPlane(NamedTuple):
    """One plane of a pair, in the units of its files.

    Attributes
    ----------
    pair, label : str
        Name of the pair; and that of the plane, for messages.
    camera, sharp : ndarray, (Y, X) and (s·Y, s·X)
        What the camera recorded, and the sharp image of the same field.
    """

    pair: str
    label: str
    camera: NDArray[Any]
    sharp: NDArray[Any]


class RecordedPair(NamedTuple):
    """A pair as it was read: its planes, and the camera's pixel size in nm if the file tells."""

    name: str
    planes: tuple[RecordedPlane, ...]
    pixel_size: float | None


class Field(NamedTuple):
    """A plane in the model's intensities: x (Y, X) and y (s·Y, s·X), float32."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]


def read_pair(pair: Pair, upscaling: int) -> RecordedPair:
    """Read both files of a pair and check that they belong together.

    The sharp image has `upscaling` pixels per camera pixel and axis. Planes of stacks are returned one by
    one, in the order of the files.

    Raises
    ------
    ImageFileError
        If a file cannot be read.
    InputError, InputTypeError
        If the images are in colour, have not the same planes, do not fit in size, or a plane cannot be
        restored. Of stacks, single planes may be constant: `planes_alike` leaves them out.
    """
    camera, sharp = read_tiff(pair.widefield), read_tiff(pair.truth)
    (widefields, stack), (truths, other) = (_planes(pair.name, image) for image in (camera, sharp))
    if stack != other:
        raise InputError(
            f"Pair {pair.name}: the files have different planes ({_shape(stack)} and {_shape(other)}): give "
            "two images or two stacks of the same planes."
        )
    expected = tuple(upscaling * n for n in widefields[0].shape)
    if truths[0].shape != expected:
        raise InputError(
            f"Pair {pair.name}: the sharp image has {_shape(truths[0].shape)} pixels; {upscaling} times "
            f"those of the camera, as this model makes them, are {_shape(expected)}."
        )
    planes = []
    for number, (wide, truth) in enumerate(zip(widefields, truths, strict=True), start=1):
        label = pair.name if len(truths) == 1 else f"{pair.name}, plane {number}"
        for plane, what in ((wide, "camera image"), (truth, "sharp image")):
            if len(truths) == 1 or not _is_even(plane):
                check_plane(f"{label}, {what}", plane)
        planes.append(RecordedPlane(pair.name, label, wide, truth))
    return RecordedPair(pair.name, tuple(planes), camera.pixel_size)


def patch_side(pairs: Sequence[RecordedPair], granularity: int) -> int:
    """Side of the patches, camera pixels: as long as the smallest pair allows, `LARGEST_SIDE` at the most.

    It is a multiple of the network's granularity.

    Raises
    ------
    InputError
        If a pair is too small for a patch of `LEAST_SIDE`.
    """
    least = -(-LEAST_SIDE // granularity) * granularity
    smallest = min(pairs, key=lambda pair: min(pair.planes[0].camera.shape))
    height, width = smallest.planes[0].camera.shape
    if min(height, width) < least:
        raise InputError(
            f"Pair {smallest.name} is too small: its camera image has {height} × {width} pixels, and at "
            f"least {least} × {least} are needed."
        )
    side = min(height, width, max(LARGEST_SIDE, least))
    return side // granularity * granularity


def express(plane: RecordedPlane, shown: NDArray[Any]) -> Field:
    """Express a plane in the intensities of a model.

    The camera image by its own percentiles, as every image that is restored. A sharp image has units of its
    own: the gain and offset from the model's picture to it, by least squares, are undone. So regressed on the
    picture it has slope 1, and learning from it leaves the model's scale of intensities as it is. The other
    way round (the picture regressed on the sharp image) whatever the sharp image alone shows, noise and new
    detail, would lower its contrast, by the square of their correlation.

    Parameters
    ----------
    plane : RecordedPlane
        Both images.
    shown : ndarray, (s·Y, s·X)
        What the model's mean network shows of the camera image, in its units. It must be like the sharp
        image, as `planes_alike` has it: else there is no gain to undo.
    """
    normalization = Normalization.fit(plane.camera)
    there = match_intensity(normalization.apply(shown), plane.sharp)
    y = (np.asarray(plane.sharp, np.float64) - there.offset) / there.gain
    return Field(normalization.apply(plane.camera), y.astype(np.float32))


def planes_alike(
    pair: RecordedPair, model: PretrainedModel, log: Callable[[str], None]
) -> Iterator[tuple[RecordedPlane, NDArray[np.float32]]]:
    """Go through the planes of a pair whose sharp image is like what the model shows of the recording.

    Of stacks, others are left out: most likely one of the two images is empty. Displaced ones are told, and
    kept.

    Parameters
    ----------
    model : PretrainedModel
        The one to start from.
    log : callable
        Receives a line for each plane left out and for each that looks ill registered.

    Yields
    ------
    RecordedPlane, ndarray (s·Y, s·X)
        One that is alike, and what the mean network shows of it, in the units of the camera image.

    Raises
    ------
    InputError
        In the end, if no plane is alike.
    """
    likenesses = []
    for plane in pair.planes:
        if _is_even(plane.camera) or _is_even(plane.sharp):
            likenesses.append(0.0)
            log(f"left out {plane.label}: one of its images is constant")
            continue
        shown = restore(plane.camera, model, axes="YX", preview=True, device="cpu", tile=_TILE).mean
        found = compare_pair(plane.sharp, shown)
        likenesses.append(found.correlation)
        if found.alike:
            if found.misregistration is not None:
                log(f"warning: pair {plane.label} {found.misregistration}")
            yield plane, shown
        elif len(pair.planes) > 1:
            log(f"left out {plane.label}: correlation {found.correlation:.2f} with what {model.name} shows")
    if max(likenesses) < LEAST_CORRELATION:
        raise InputError(
            f"Pair {pair.name}: the sharp image has next to nothing in common with what {model.name} shows "
            f"of the recording (correlation {max(likenesses):.2f}; at least {LEAST_CORRELATION} is needed): "
            "see whether the two belong together and are registered, or take the pair out."
        )


def training_fields(
    pairs: Sequence[RecordedPair], model: PretrainedModel, log: Callable[[str], None]
) -> list[Field]:
    """Express all planes of the pairs that the model can learn from, as `planes_alike` tells them."""
    return [express(plane, shown) for pair in pairs for plane, shown in planes_alike(pair, model, log)]


class RecordedFields(Dataset[Patches]):
    """Patches of recorded pairs by index; item i depends on the seed and on i alone.

    Parameters
    ----------
    fields : sequence of Field
        What the patches are cut from, each equally often.
    data : DataConfig
        Number, side and brightness of the patches, as for simulated fields.
    seed, length : int
        Seed of the run, and number of items.
    """

    def __init__(self, fields: Sequence[Field], data: DataConfig, seed: int, length: int) -> None:
        self.fields, self.data, self.seed, self.length = fields, data, seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Patches:
        rng = np.random.default_rng([self.seed, index])
        return cut_patches(rng, *self.fields[int(rng.integers(len(self.fields)))], self.data)


def _planes(name: str, image: ImageFile) -> tuple[list[NDArray[Any]], tuple[int, ...]]:
    """Return the planes of an image, and the lengths of its other axes, without those of length 1."""
    axes = name_axes(image.data.shape, image.axes)
    if "S" in axes.leading:
        raise InputError(f"Pair {name}: {image.source} is in colour; give images of one channel or stacks.")
    planes = [np.asarray(axes.plane(image.data, index)) for index in axes.indices()]
    return planes, tuple(n for n in axes.leading_shape if n > 1)


def _is_even(plane: NDArray[Any]) -> bool:
    """Whether all pixels are one finite number."""
    return bool(np.isfinite(plane.flat[0]) and plane.min() == plane.max())


def _shape(lengths: Sequence[int]) -> str:
    return " × ".join(map(str, lengths)) or "one plane"
