"""Restorations against the truth: pairs of a wide-field image and the sharp image of the same field.

The rules of the comparison, so that numbers of different models can be compared:

- Truth: the sharp image minus its 0.1 percentile, over its 0.1 to 99.8 percentile range, clipped to [0, 1.5].
- Every prediction is compared after the least-squares gain and offset that bring it closest to the truth.
  Standard deviations scale with the gain alone.
- The whole field is restored. Its central 192 × 192 camera pixels are compared, or as many as it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cvdm.assessment.baselines import best_richardson_lucy, enlarge
from napari_cvdm.assessment.mean_pictures import restore_with_mean_pictures
from napari_cvdm.assessment.metrics import normalize_truth
from napari_cvdm.assessment.scores import Evaluation, PairScores, score, score_uncertainty
from napari_cvdm.files.names import TIFF_ENDINGS, without_ending
from napari_cvdm.restoration.errors import InputError, InputTypeError, NotFiniteError
from napari_cvdm.restoration.intervals import measured_factors
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.resampling import cautions_about_size
from napari_cvdm.restoration.validation import check_image

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel
    from napari_cvdm.restoration.events import Event

SCORED_SIDE = 192
"""Largest side of the region compared, in camera pixels."""


@dataclass(frozen=True)
class Pair:
    """Two files that show the same field."""

    name: str
    widefield: Path
    truth: Path


def find_pairs(
    folder: str | Path, wf_suffix: str = "_wf", sim_suffix: str = "_sim"
) -> tuple[list[Pair], list[str]]:
    """Find the pairs `<name><suffix>.tif` of a folder, in the order of their names.

    Folders below it are not looked into. The suffixes of wide-field and of sharp images may be in small
    letters or capitals. Also returned are the names of files that have one of them and no counterpart.

    Raises
    ------
    InputError
        If the folder does not exist, has no pair, or has two files of one name; or the suffixes are the same
        or empty.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    wf_suffix, sim_suffix = (normalize("NFC", suffix) for suffix in (wf_suffix, sim_suffix))
    if not wf_suffix or not sim_suffix or wf_suffix.lower() == sim_suffix.lower():
        raise InputError("Give two different suffixes for wide-field and sharp images, such as _wf and _sim.")
    found: dict[str, dict[str, Path]] = {wf_suffix: {}, sim_suffix: {}}
    for path in sorted(folder.iterdir()):
        stem = _stem(path.name)
        # The longer suffix first: "_decon_wf" must not be taken for a name that ends in "_decon".
        for suffix in sorted(found, key=len, reverse=True):
            if stem is not None and stem[-len(suffix) :].lower() == suffix.lower():
                other = found[suffix].setdefault(stem[: -len(suffix)], path)
                if other != path:
                    raise InputError(f"{folder} has both {other.name} and {path.name}: keep one of them.")
                break
    widefields, truths = found[wf_suffix], found[sim_suffix]
    pairs = [Pair(name, widefields[name], truths[name]) for name in sorted(widefields.keys() & truths.keys())]
    if not pairs:
        raise InputError(
            f"{folder} has no pair of files <name>{wf_suffix}.tif and <name>{sim_suffix}.tif. "
            "If they are named differently, set the suffixes (in a shell --wf-suffix and --sim-suffix)."
        )
    alone = widefields.keys() ^ truths.keys()
    unpaired = [path.name for group in found.values() for name, path in group.items() if name in alone]
    return pairs, sorted(unpaired)


def evaluate_pair(
    name: str,
    widefield: ArrayLike,
    truth: ArrayLike,
    model: PretrainedModel,
    *,
    draws: int = 8,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    pixel_size: float | None = None,
    progress: Callable[[Event], object] | None = None,
) -> PairScores:
    """Restore one wide-field image and compare it, and what needs no model, with the truth.

    Parameters
    ----------
    name : str
        Of the pair, for messages and tables.
    widefield, truth : array-like, (Y, X) and (s·Y, s·X)
        What the camera recorded, and a sharp image of the same field.
    model, draws, steps, seed, device, pixel_size
        As for `napari_cvdm.restore`.
    progress : callable, optional
        Receives every event of the restoration; may raise to stop it.

    Raises
    ------
    InputError, InputTypeError
        If the images cannot be restored or compared.
    """
    from napari_cvdm.assessment.registration import doubts_about_pair  # with torch, which takes a while

    upscaling = model.upscaling
    camera, sharp, target = _checked(name, widefield, truth, upscaling)
    region = centre(camera.shape, SCORED_SIDE, upscaling)
    started = time.perf_counter()
    result, one_pass, averaged = restore_with_mean_pictures(
        camera, model, progress, draws=draws, steps=steps, seed=seed, device=device, pixel_size=pixel_size
    )
    seconds = time.perf_counter() - started
    mean, std = result.mean, result.std
    plain = enlarge(Normalization.fit(camera).apply(camera), upscaling)
    best = best_richardson_lucy(plain, target, region)
    target = target[region]
    predictions: dict[str, NDArray[Any]] = {
        "bicubic": plain[region],
        "richardson_lucy": best.image,
        "mean_network": one_pass.mean[region],
        "averaged_mean_network": averaged.mean[region],
        "posterior_mean": mean[region],
    }
    return PairScores(
        name,
        {method: score(prediction, target) for method, prediction in predictions.items()},
        score_uncertainty(mean[region], std[region], target, measured_factors(result.provenance)),
        {"sigma": best.sigma, "iterations": best.iterations},
        seconds,
        (
            *result.provenance.get("warnings", ()),
            *cautions_about_size(pixel_size, model.card.pixel_size_nm),
            *doubts_about_pair(sharp, one_pass.mean),
        ),
    )


def evaluate_folder(
    folder: str | Path,
    model: PretrainedModel,
    *,
    wf_suffix: str = "_wf",
    sim_suffix: str = "_sim",
    draws: int = 8,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[str, int, int, Event], object] | None = None,
    noted: Callable[[Pair], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> Evaluation:
    """Evaluate all pairs of a folder.

    Parameters
    ----------
    folder, wf_suffix, sim_suffix
        As for `find_pairs`.
    model, draws, steps, seed, device
        As for `evaluate_pair`.
    progress : callable, optional
        Receives the name of the pair at work, its number from 0, the number of pairs, and every event of its
        restoration; may raise to stop.
    noted : callable, optional
        Gives a context manager in which a pair is read, restored and compared. If that takes in what is
        raised, the pair is left out.

    Raises
    ------
    InputError, InputTypeError
        If there are no pairs, or one cannot be read, restored or compared.
    """
    from napari_cvdm.files.tiff import read_tiff

    pairs, unpaired = find_pairs(folder, wf_suffix, sim_suffix)
    good: list[Pair] = []
    # Before the first is restored: a restoration takes half a minute, and the last pair may be the wrong one.
    for pair in pairs:
        with noted(pair):
            _checked(pair.name, read_tiff(pair.widefield).data, read_tiff(pair.truth).data, model.upscaling)
            good.append(pair)
    scores: list[PairScores] = []
    for number, pair in enumerate(good):
        with noted(pair):
            camera, sharp = read_tiff(pair.widefield), read_tiff(pair.truth)
            told = progress and partial(progress, pair.name, number, len(good))
            scores.append(
                evaluate_pair(
                    pair.name, camera.data, sharp.data, model, draws=draws, steps=steps, seed=seed,
                    device=device, pixel_size=camera.pixel_size, progress=told,
                )
            )  # fmt: skip
    if not scores:
        raise InputError(f"None of the {len(pairs)} pairs in {folder} could be evaluated.")
    settings = {"model": model.name, "sha256": model.sha256, "draws": draws, "steps": steps, "seed": seed}
    return Evaluation(tuple(scores), tuple(unpaired), settings)


def _checked(
    name: str, widefield: ArrayLike, truth: ArrayLike, upscaling: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
    """Return the camera's and the sharp image, the latter normalised as well, if they can be compared."""
    camera, sharp = _plane(f"{name}, camera image", widefield), _plane(f"{name}, sharp image", truth)
    if sharp.shape != tuple(n * upscaling for n in camera.shape):
        raise InputError(
            f"Pair {name}: the sharp image has {_size(sharp)} pixels, but {_size(camera)} enlarged "
            f"{upscaling} times by this model are {upscaling * camera.shape[0]} × "
            f"{upscaling * camera.shape[1]}."
        )
    try:
        target = normalize_truth(sharp)
    except InputError as error:
        raise InputError(f"Pair {name}: {error}") from error
    if np.ptp(target[centre(camera.shape, SCORED_SIDE, upscaling)]) == 0:
        raise InputError(
            f"Pair {name}: the sharp image is constant in its middle, where the two are compared: crop both "
            "images to a part with structure."
        )
    return camera, sharp, target


def _plane(name: str, image: ArrayLike) -> NDArray[Any]:
    array = np.asarray(image)
    array = array.reshape([n for n in array.shape if n > 1])
    if array.ndim != 2:
        raise InputError(f"Pair {name}: the shape is {np.shape(image)}; give single planes of one channel.")
    return check_plane(name, array)


def check_plane(name: str, plane: NDArray[Any]) -> NDArray[Any]:
    """As `check_image`, for a plane of the pair called ``name``, which errors name, too."""
    try:
        return check_image(plane)
    except NotFiniteError as error:
        words = f"Pair {name}: {error.fault} Crop both images to what was recorded."
        raise InputError(words) from error
    except (InputError, InputTypeError) as error:
        raise type(error)(f"Pair {name}: {error}") from error


def centre(shape: tuple[int, ...], side: int, upscaling: int) -> tuple[slice, slice]:
    """Return the central region of at most `side` camera pixels along each axis, on the fine grid."""
    starts = [max(0, (n - side) // 2) for n in shape]
    rows, columns = (
        slice(upscaling * start, upscaling * (start + min(n, side)))
        for start, n in zip(starts, shape, strict=True)
    )
    return rows, columns


def _size(image: NDArray[Any]) -> str:
    return f"{image.shape[0]} × {image.shape[1]}"


def _stem(filename: str) -> str | None:
    if filename.startswith(".") or not filename.lower().endswith(TIFF_ENDINGS):
        return None
    # Macs may write "é" as two characters, other systems as one.
    return without_ending(normalize("NFC", filename), TIFF_ENDINGS)
