"""Structures: every kind is drawn anew by every seed, and looks as its name says."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from napari_cvdm.simulation.optics import blur, gaussian_transfer
from napari_cvdm.simulation.structures import STRUCTURES, draw_structure, mixture

ALL_KINDS = [*STRUCTURES, "mixture"]


def draw(kind: str, seed: int, size: int = 192) -> np.ndarray:
    return draw_structure(np.random.default_rng(seed), kind, size)


class TestDrawStructure:
    @pytest.mark.parametrize("kind", ALL_KINDS)
    def test_the_seed_decides(self, kind: str) -> None:
        first = draw(kind, 1)
        assert np.array_equal(first, draw(kind, 1))
        assert not np.array_equal(first, draw(kind, 2))

    @pytest.mark.parametrize("kind", ALL_KINDS)
    def test_is_a_density(self, kind: str) -> None:
        for seed in range(3):
            image = draw(kind, seed, size=130)
            assert image.shape == (130, 130)
            assert image.dtype == np.float32
            assert np.isfinite(image).all()
            assert image.min() >= 0
            assert image.std() > 0

    @pytest.mark.parametrize("kind", ALL_KINDS)
    def test_the_bright_end_is_near_one(self, kind: str) -> None:
        images = [draw(kind, seed) for seed in range(4)]
        tops = [float(np.percentile(image, 99.5)) for image in images]
        assert max(tops) > 0.9
        for image, top in zip(images, tops, strict=True):
            # A field with hardly anything in it is scaled by its brightest pixel instead.
            assert (top if top > 0 else image.max()) == pytest.approx(1, abs=1e-3)

    @pytest.mark.parametrize("kind", ALL_KINDS)
    def test_small_fields_work_for_any_seed(self, kind: str) -> None:
        # Few structures, none at all, or all of them beyond the borders: no warning and no odd value.
        for seed in range(25):
            image = draw(kind, seed, size=80)
            assert np.isfinite(image).all()
            assert 0 <= image.min() <= image.max()

    def test_kinds_differ_for_one_seed(self) -> None:
        images = [draw(kind, 0) for kind in ALL_KINDS]
        for i, first in enumerate(images):
            assert not any(np.array_equal(first, other) for other in images[i + 1 :])

    def test_is_sometimes_confined_to_a_cell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(STRUCTURES, "even", lambda rng, size: np.ones((size, size), np.float32))
        images = [draw("even", seed, 96) for seed in range(120)]
        confined = [image for image in images if np.ptp(image) > 0]
        assert len(confined) == pytest.approx(30, abs=15)
        # Outside the outline there is hardly any light, inside it is as it was.
        assert np.mean([image.min() < 0.05 for image in confined]) > 0.7
        assert np.median([np.mean(image > 0.9) for image in confined]) > 0.2


class TestKinds:
    @staticmethod
    def fineness(kind: str) -> float:
        """Share of the contrast that a slight blur takes away; the median over some fields."""
        losses = []
        for seed in range(5):
            image = blur(STRUCTURES[kind](np.random.default_rng(seed), 192), gaussian_transfer(192, 1.0))
            losses.append(1 - blur(image, gaussian_transfer(192, 2.0)).std() / image.std())
        return float(np.median(losses))

    def test_mitochondria_are_thicker_than_filaments(self) -> None:
        assert self.fineness("mitochondria") < 0.6 * self.fineness("microtubules")
        assert self.fineness("mitochondria") < 0.6 * self.fineness("rings")

    def test_filaments_are_long_and_rings_are_not(self) -> None:
        def longest(kind: str) -> int:
            lengths = []
            for seed in range(4):
                image = STRUCTURES[kind](np.random.default_rng(seed), 256)
                smooth = blur(image, gaussian_transfer(256, 1.0))
                labels, _ = ndimage.label(smooth > 0.15 * np.percentile(smooth, 99.5))
                lengths += [max(s.stop - s.start for s in box) for box in ndimage.find_objects(labels)]
            return max(lengths)

        assert longest("microtubules") > 150
        assert longest("microtubules") > 2 * longest("rings")

    def test_a_mixture_holds_two_kinds_of_comparable_brightness(self) -> None:
        drawn: list[str] = []
        originals = dict(STRUCTURES)
        parts: list[np.ndarray] = []

        def recorder(name: str) -> Callable[[np.random.Generator, int], np.ndarray]:
            def record(rng: np.random.Generator, size: int) -> np.ndarray:
                drawn.append(name)
                parts.append(1000 * originals[name](rng, size))
                return parts[-1]

            return record

        with pytest.MonkeyPatch.context() as patch:
            for name in originals:
                patch.setitem(STRUCTURES, name, recorder(name))
            image = mixture(np.random.default_rng(5), 192)
        assert len(set(drawn)) == 2
        design = np.stack([part.ravel() for part in parts], axis=1).astype(float)
        shares, residual, *_ = np.linalg.lstsq(design, image.ravel().astype(float), rcond=None)
        assert residual[0] < 1e-6 * (image.astype(float) ** 2).sum()
        tops = [s * np.percentile(part, 99.5) for s, part in zip(shares, parts, strict=True)]
        assert all(0.19 < top < 1.01 for top in tops)
