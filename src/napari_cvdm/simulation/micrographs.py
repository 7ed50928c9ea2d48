"""Real super-resolved images as structures to be imaged again by our own optics and camera."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from scipy import ndimage

from napari_cvdm.simulation.curves import Image

#: Structures of the BioSR set with the sampling of their images (nm) and the blur they carry (σ, nm).
BIOSR: dict[str, tuple[float, float]] = {
    "ccp": (20.9, 26.0),
    "er": (20.9, 26.0),
    "f-actin": (20.9, 26.0),
    "microtubules": (31.3, 42.0),
}

#: Sampling of the fine grid on which the structures are used, nm: half a 65 nm camera pixel.
FINE_PIXEL_NM = 32.5


#: Nothing wider than this is taken for structure, nm.
WIDEST_STRUCTURE_NM = 1400


@dataclass(frozen=True)
class Micrograph:
    """A super-resolved image, parted into structure and slowly varying background.

    Attributes
    ----------
    name : str
        Structure and number, for instance "er/07".
    density : ndarray
        The structure, (H, W) float32, 99.5 percentile near 1.
    pixel_nm, sigma_nm : float
        Sampling, and the blur that the image carries.
    background : ndarray or None
        What was taken off, in units of `density` and without its darkest level, (H, W) float32.
    """

    name: str
    density: Image
    pixel_nm: float
    sigma_nm: float
    background: Image | None = None


@dataclass(frozen=True)
class Variety:
    """How other specimens are made of a micrograph.

    Attributes
    ----------
    any_angle : bool
        Whether it is turned by any angle instead of quarter turns.
    stretch : float
        Spread of the ratio of its sides, as a logarithm.
    contrast : tuple of float
        Range of the power to which its density is taken.
    overlaid_share : float
        Share of the specimens over which their own mirror image is laid: denser ones than were recorded.
    """

    any_angle: bool = False
    stretch: float = 0.0
    contrast: tuple[float, float] = (1.0, 1.0)
    overlaid_share: float = 0.0


def remove_background(image: Image, width: float) -> Image:
    """Subtract what varies slowly: a smoothed local minimum, wider than any structure to be kept.

    Real super-resolved images carry haze of their own; left in a target it would teach a network to keep
    haze. The image (H, W) must not be negative; `width`, in pixels, is the side of the neighbourhood whose
    minimum is background.
    """
    smooth = ndimage.gaussian_filter(image, 1.0)
    lowest = ndimage.minimum_filter(smooth, size=int(width))
    background = ndimage.gaussian_filter(lowest, width / 3)
    # The minimum of a noisy neighbourhood lies below its mean level: the rest of that level goes with it.
    rest = image - background
    floor = float(np.percentile(rest, 20))
    kept: Image = np.maximum(rest - floor, 0).astype(np.float32)
    return kept


def load_micrographs(folder: Path, numbers: range) -> list[Micrograph]:
    """Load the images ``<structure>/<NN>.png`` of these numbers, for each structure in `BIOSR`, of a folder.

    Raises
    ------
    FileNotFoundError
        If a folder or an image is missing.
    """
    found = []
    for structure, (pixel_nm, sigma_nm) in BIOSR.items():
        for number in numbers:
            path = folder / structure / f"{number:02d}.png"
            if not path.is_file():
                raise FileNotFoundError(
                    f"no micrograph at {path}; name the folder that holds them with --micrographs, or set "
                    "`micrographs` in the configuration"
                )
            raw = np.asarray(PillowImage.open(path).convert("F"), dtype=np.float32)
            density = remove_background(raw, WIDEST_STRUCTURE_NM / pixel_nm)
            background = raw - density
            background = np.maximum(background - np.percentile(background, 0.5), 0).astype(np.float32)
            top = max(float(np.percentile(density, 99.5)), 0.2 * float(density.max()), 1e-6)
            name = f"{structure}/{number:02d}"
            found.append(Micrograph(name, density / top, pixel_nm, sigma_nm, background / top))
    return found


def cut_density(
    rng: np.random.Generator,
    micrograph: Micrograph,
    size: int,
    zoom: tuple[float, float] = (0.85, 1.25),
    kept_background: tuple[float, float] = (0.0, 0.0),
    even_light: bool = True,
    variety: Variety | None = None,
) -> tuple[Image, float]:
    """Cut a square field out of a micrograph, at a random magnification and orientation.

    Parameters
    ----------
    size : int
        Side of the field on the fine grid, pixels. Beyond the image's border it is continued by reflection.
    zoom : tuple of float
        Range of magnifications, relative to the fine grid's own sampling.
    kept_background : tuple of float
        Range of the share of the image's background that is put back: what a thick or dense specimen shows
        between its filaments may be haze or structure too fine to be told apart, and nobody knows which.
    even_light : bool
        Whether light that is the same all over the field (its first percentile) stays in it.
    variety : Variety, optional
        How to make another specimen of it.

    Returns
    -------
    density : ndarray
        (size, size) float32.
    sigma : float
        Blur that the field carries, in fine pixels.
    """
    factor = micrograph.pixel_nm / FINE_PIXEL_NM * rng.uniform(*zoom)
    source = micrograph.density
    if micrograph.background is not None and kept_background[1] > 0:
        source = source + np.float32(rng.uniform(*kept_background)) * micrograph.background
    if factor < 1:  # against aliasing
        extra = 0.4 * np.sqrt(1 / factor**2 - 1)
        source = ndimage.gaussian_filter(source, extra)
        carried = np.hypot(micrograph.sigma_nm / micrograph.pixel_nm, extra)
    else:
        carried = micrograph.sigma_nm / micrograph.pixel_nm
    if variety is None:
        field = _cut(rng, source, factor, size)
    else:
        field = _cut_varied(rng, source, factor, size, variety)
    if not even_light:
        field = field - np.float32(np.percentile(field, 1))
    if rng.random() < 0.5:
        field = field[::-1]
    return np.ascontiguousarray(np.maximum(field, 0), dtype=np.float32), float(carried * factor)


def _cut(rng: np.random.Generator, source: Image, factor: float, size: int) -> Image:
    """Cut a field out of an image enlarged by ``factor``, turned by quarters."""
    scaled = ndimage.zoom(source, factor, order=1, grid_mode=True, mode="grid-constant")
    pad = [(max(0, size - n), 0) for n in scaled.shape]
    scaled = np.pad(scaled, pad, mode="symmetric")
    top = int(rng.integers(0, scaled.shape[0] - size + 1))
    left = int(rng.integers(0, scaled.shape[1] - size + 1))
    field: Image = np.rot90(scaled[top : top + size, left : left + size], int(rng.integers(4)))
    return field


def _cut_varied(rng: np.random.Generator, source: Image, factor: float, size: int, variety: Variety) -> Image:
    """Cut another specimen out of an image, centred anywhere in it and continued by reflection."""
    angle = rng.uniform(0, 2 * np.pi) if variety.any_angle else 0.5 * np.pi * rng.integers(4)
    ratio = np.exp(rng.normal(0, variety.stretch) * np.array([0.5, -0.5])) / factor
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # Stretched along an axis of the specimen's own, not of the field.
    matrix = ratio[:, None] * turn
    centre = rng.uniform(0.25, 0.75, 2) * source.shape
    offset = centre - matrix @ np.full(2, (size - 1) / 2)
    field = ndimage.affine_transform(source, matrix, offset, (size, size), order=1, mode="reflect")
    if rng.random() < variety.overlaid_share:
        field = field + np.float32(rng.uniform(0.2, 1.0)) * field[:, ::-1]
    if variety.contrast != (1.0, 1.0):
        # Relative to what is bright, so that brightness stays in its range.
        top = max(float(np.percentile(field, 99.5)), 1e-6)
        field = top * (np.maximum(field, 0) / top) ** rng.uniform(*variety.contrast)
    varied: Image = field.astype(np.float32)
    return varied
