"""The mean network alone, quickly: what it gains on whole real recordings, and on sharp images imaged again.

    python benchmarks/whole_fields.py --pairs FOLDER --micrographs FOLDER --orientations 1 4 --sizes 0.8 1

FOLDER of pairs holds <name>_wf.tif and <name>_sim.tif. `napari-cvdm evaluate` scores the centre of each
field; here the whole field is restored, and every detail of 256 × 256 fine pixels is scored by itself, after
the gain and offset that bring it closest to the truth. FOLDER of micrographs holds real SIM images,
<structure>/<NN>.png, of which 41, 42 and 44 are imaged again by another microscope than training's. The
network sees each image in so many orientations, and enlarged or reduced to so many sizes; its pictures are
averaged. Of several models the mean of their pictures is scored, with the weights that `--shares` gives them.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from measures.held_out import held_out_fields
from numpy.typing import NDArray
from skimage.transform import resize

import napari_cvdm as cvdm
from napari_cvdm.assessment.baselines import enlarge
from napari_cvdm.assessment.metrics import match_intensity, matched_psnr, normalize_truth, psnr, ssim
from napari_cvdm.assessment.pairs import find_pairs
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.restoration.events import Estimate
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.restore import restore_events

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel


def details(shape: tuple[int, ...], side: int) -> Iterator[tuple[slice, ...]]:
    """Places of as many squares as fit along each side, evenly spread."""
    starts = [np.linspace(0, max(n - side, 0), max(1, n // side)).astype(int) for n in shape]
    for top in starts[0]:
        for left in starts[1]:
            yield slice(top, top + side), slice(left, left + side)


def picture_of(camera: NDArray[Any], model: PretrainedModel, orientations: int) -> NDArray[np.float32]:
    """Restore by the mean network alone."""
    settings = PosteriorSettings(orientations=orientations)
    # The average comes before the first draw; the draw itself is not made.
    for event in restore_events(camera, model, draws=1, settings=settings):
        if isinstance(event, Estimate) and event.stage == ("mean" if orientations == 1 else "refine"):
            return event.mean
    raise RuntimeError("a restoration ended without a picture")


def resampled(image: NDArray[Any], shape: Sequence[int]) -> NDArray[np.float32]:
    """Resample an image to other numbers of pixels over the same area, smoothed first if there are fewer."""
    return np.asarray(
        resize(np.asarray(image, np.float32), shape, order=3, anti_aliasing=shape[0] < image.shape[0])
    )


@dataclass(frozen=True)
class Looks:
    """The models, their weights, and how each of them sees an image."""

    models: Sequence[PretrainedModel]
    shares: Sequence[float]
    orientations: int
    sizes: Sequence[float]

    def picture(self, camera: NDArray[Any]) -> NDArray[np.float32]:
        """Average of the pictures, in the image's own size."""
        return np.asarray(np.average([self._over_sizes(camera, m) for m in self.models], 0, self.shares))

    def _over_sizes(self, camera: NDArray[Any], model: PretrainedModel) -> NDArray[np.float32]:
        pictures = []
        for size in self.sizes:
            if size == 1:
                pictures.append(picture_of(camera, model, self.orientations))
                continue
            shape = [2 * round(length * size / 2) for length in camera.shape]
            picture = picture_of(resampled(camera, shape), model, self.orientations)
            pictures.append(resampled(picture, [2 * length for length in camera.shape]))
        return np.asarray(np.mean(pictures, axis=0))


def score_recordings(folder: Path, side: int, looks: Looks) -> None:
    """Print a line for each field, and their average."""
    gains = []
    print(f"{'':20}{'details':>8}{'bicubic':>16}{'mean network':>16}{'gain':>16}")
    for pair in find_pairs(folder)[0]:
        camera = read_tiff(pair.widefield).data
        truth = normalize_truth(read_tiff(pair.truth).data)
        pictures = enlarge(camera), looks.picture(camera)
        scores = []
        for place in details(truth.shape, side):
            wanted = truth[place]
            matched = [match_intensity(each[place], wanted).apply(each[place]) for each in pictures]
            scores.append([(psnr(each, wanted), ssim(each, wanted)) for each in matched])
        plain, restored = np.mean(scores, axis=0)
        gains.append(restored - plain)
        cells = "".join(f"{a:10.2f}{b:6.3f}" for a, b in (plain, restored, gains[-1]))
        print(f"{pair.name:20}{len(scores):8}{cells}", flush=True)
    average = np.mean(gains, axis=0)
    print(f"{'average':60}{average[0]:10.2f}{average[1]:6.3f}")


def score_reimaged(folder: Path, looks: Looks) -> None:
    """Print the PSNR by structure and by haze, averaged over fields."""
    found: dict[str, list[float]] = defaultdict(list)
    for field in held_out_fields(folder, (60.0, 400.0), numbers=(41, 42, 44), side=80):
        score = matched_psnr(looks.picture(field.camera), field.truth)
        for group in (field.structure, f"haze {field.haze:g}", "all"):
            found[group].append(score)
    print("".join(f"{group:>14}" for group in sorted(found)))
    print("".join(f"{np.mean(found[group]):14.2f}" for group in sorted(found)))


def main() -> None:
    """Score what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", nargs="+", default=["default"])
    parser.add_argument("--shares", nargs="+", type=float, help="weights of the models; equal if not given")
    parser.add_argument("--pairs", type=Path, help="folder of real pairs")
    parser.add_argument("--micrographs", type=Path, help="folder of sharp images")
    parser.add_argument("--side", type=int, default=256, help="side of a detail, fine pixels")
    parser.add_argument("--orientations", nargs="+", type=int, default=[1])
    parser.add_argument(
        "--sizes", nargs="+", type=float, default=[1.0], help="in which the network sees images"
    )
    options = parser.parse_args()
    if not options.pairs and not options.micrographs:
        parser.error("give --pairs, --micrographs, or both")
    models = [cvdm.load_model(name) for name in options.model]
    shares = options.shares or [1.0] * len(models)
    for orientations in options.orientations:
        if len(options.orientations) > 1:
            print(f"orientations: {orientations}")
        looks = Looks(models, shares, orientations, options.sizes)
        if options.pairs:
            score_recordings(options.pairs, options.side, looks)
        if options.micrographs:
            score_reimaged(options.micrographs, looks)


if __name__ == "__main__":
    main()
