"""Recorded pairs become fields: read by planes, in the model's intensities, cut by (seed, index) alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from napari_cvdm.assessment.metrics import correlation
from napari_cvdm.assessment.pairs import Pair, find_pairs
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.restoration.normalization import Normalization
from napari_cvdm.restoration.restore import restore
from napari_cvdm.training.config import DataConfig
from napari_cvdm.training.recorded import (
    Field,
    RecordedFields,
    RecordedPair,
    RecordedPlane,
    express,
    patch_side,
    read_pair,
    training_fields,
)

RNG = np.random.default_rng(0)
DATA = DataConfig(kinds={}, field=16, patch=16, patches_per_field=3)


def noise(*shape: int) -> NDArray[np.uint16]:
    return RNG.integers(100, 200, shape, dtype=np.uint16)


def write(folder: Path, camera: NDArray[Any], sharp: NDArray[Any], axes: str = "YX", **more: Any) -> Pair:
    for name, data in (("p_wf", camera), ("p_sim", sharp)):
        write_ome_tiff(folder / f"{name}.tif", data, axes, 65.0, **more)
    return find_pairs(folder)[0][0]


def planes(pair: str, *sizes: tuple[int, int]) -> RecordedPair:
    return RecordedPair(pair, tuple(RecordedPlane(pair, pair, noise(*s), noise(*s)) for s in sizes), None)


class TestReadPair:
    def test_one_plane(self, tmp_path: Path) -> None:
        camera, sharp = noise(20, 24), noise(40, 48)
        pair = read_pair(write(tmp_path, camera, sharp), 2)
        (plane,) = pair.planes
        assert (pair.name, pair.pixel_size) == ("p", 65.0)
        assert (plane.pair, plane.label) == ("p", "p")
        np.testing.assert_array_equal(plane.camera, camera)
        np.testing.assert_array_equal(plane.sharp, sharp)

    def test_planes_of_stacks_are_fields_of_their_own(self, tmp_path: Path) -> None:
        camera, sharp = noise(2, 3, 20, 24), noise(2, 3, 40, 48)
        pair = read_pair(write(tmp_path, camera, sharp, "TZYX"), 2)
        assert [plane.label for plane in pair.planes] == [f"p, plane {n}" for n in range(1, 7)]
        for number, index in enumerate(np.ndindex(2, 3)):
            np.testing.assert_array_equal(pair.planes[number].camera, camera[index])
            np.testing.assert_array_equal(pair.planes[number].sharp, sharp[index])

    @pytest.mark.parametrize(
        ("camera", "sharp", "words"),
        [
            (noise(20, 24), noise(40, 44), r"Pair p: the sharp image has 40 × 44 pixels.* are 40 × 48"),
            (noise(20, 24), noise(20, 24), r"Pair p: the sharp image has 20 × 24 pixels"),
            (noise(3, 20, 24), noise(2, 40, 48), r"Pair p: the files have different planes \(3 and 2\)"),
            (noise(3, 20, 24), noise(40, 48), r"different planes \(3 and one plane\)"),
            (np.full((20, 24), 7, np.uint16), noise(40, 48), r"Pair p, camera image: The image is constant"),
            (noise(20, 24), np.full((40, 48), 7.0), r"Pair p, sharp image: The image is constant"),
            (
                noise(20, 24),
                np.where(noise(40, 48) > 190, np.nan, 1.0),
                r"Pair p, sharp image: .*finite.* Crop both",
            ),
            (
                noise(2, 20, 24),
                np.stack([np.ones((40, 48)), np.full((40, 48), np.inf)]),
                r"p, plane 2, sharp image: .*finite",
            ),
        ],
    )
    def test_what_does_not_fit_is_named(
        self, tmp_path: Path, camera: NDArray[Any], sharp: NDArray[Any], words: str
    ) -> None:
        tifffile.imwrite(tmp_path / "p_wf.tif", camera, photometric="minisblack")
        tifffile.imwrite(tmp_path / "p_sim.tif", sharp, photometric="minisblack")
        with pytest.raises(ValueError, match=words):
            read_pair(find_pairs(tmp_path)[0][0], 2)

    def test_colour_is_refused(self, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "p_wf.tif", noise(20, 24))
        tifffile.imwrite(tmp_path / "p_sim.tif", noise(40, 48, 3), photometric="rgb")
        with pytest.raises(ValueError, match=r"Pair p: .*p_sim.tif is in colour"):
            read_pair(find_pairs(tmp_path)[0][0], 2)

    def test_a_damaged_file_is_named(self, tmp_path: Path) -> None:
        pair = write(tmp_path, noise(20, 24), noise(40, 48))
        pair.truth.write_bytes(pair.truth.read_bytes()[:300])
        with pytest.raises(ValueError, match=r"p_sim\.tif"):
            read_pair(pair, 2)


class TestPatchSide:
    @pytest.mark.parametrize(
        ("sizes", "granularity", "side"),
        [
            ([(40, 44), (51, 30)], 4, 28),
            ([(200, 300)], 4, 96),
            ([(200, 300)], 20, 80),
            ([(130, 140)], 128, 128),
            ([(16, 90)], 2, 16),
        ],
    )
    def test_is_as_long_as_the_smallest_pair_allows(
        self, sizes: list[tuple[int, int]], granularity: int, side: int
    ) -> None:
        assert patch_side([planes(str(i), size) for i, size in enumerate(sizes)], granularity) == side

    def test_too_small_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"Pair b is too small: .* 15 × 90 pixels, and at least 16 × 16"):
            patch_side([planes("a", (40, 40)), planes("b", (15, 90))], 2)


class TestIntensities:
    @pytest.fixture
    def plane(self, recorded: Path) -> RecordedPlane:
        return read_pair(find_pairs(recorded)[0][0], 2).planes[0]

    @pytest.mark.parametrize("noise_share", [0.0, 1.5])
    def test_the_scale_is_the_models_however_noisy_the_sharp_image(
        self, plane: RecordedPlane, start: PretrainedModel, noise_share: float
    ) -> None:
        rough = noise_share * plane.sharp.std() * RNG.standard_normal(plane.sharp.shape)
        plane = plane._replace(sharp=plane.sharp + rough)
        shown = restore(plane.camera, start, preview=True, device="cpu").mean
        x, y = express(plane, shown)
        normalization = Normalization.fit(plane.camera)
        np.testing.assert_array_equal(x, normalization.apply(plane.camera))
        assert y.dtype == np.float32
        assert correlation(y, plane.sharp) == pytest.approx(1, abs=1e-5)
        slope, offset = np.polyfit(normalization.apply(shown).ravel().astype(float), y.ravel(), 1)
        assert slope == pytest.approx(1, abs=1e-4)
        assert offset == pytest.approx(0, abs=1e-4)

    def test_the_units_of_the_sharp_image_do_not_matter(
        self, plane: RecordedPlane, start: PretrainedModel
    ) -> None:
        shown = restore(plane.camera, start, preview=True, device="cpu").mean
        other = plane._replace(sharp=0.01 * plane.sharp - 3)
        np.testing.assert_allclose(express(other, shown).y, express(plane, shown).y, atol=1e-5)


class TestTrainingFields:
    def pair(self, recorded: Path, *changes: Any) -> RecordedPair:
        """Pair 0 as a stack: its plane, changed by each function."""
        pair = read_pair(find_pairs(recorded)[0][0], 2)
        return pair._replace(
            planes=tuple(
                pair.planes[0]._replace(label=f"0, plane {n}", sharp=change(pair.planes[0].sharp))
                for n, change in enumerate(changes, start=1)
            )
        )

    def test_planes_unlike_what_the_model_shows_are_left_out(
        self, recorded: Path, start: PretrainedModel
    ) -> None:
        lines: list[str] = []
        pair = self.pair(recorded, np.asarray, lambda sharp: noise(*sharp.shape), np.asarray)
        assert len(training_fields([pair], start, lines.append)) == 2
        (line,) = lines
        assert line.startswith("left out 0, plane 2: correlation")

    def test_empty_planes_of_stacks_are_left_out(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path
    ) -> None:
        camera, sharp = (read_tiff(recorded / f"0_{what}.tif").data for what in ("wf", "sim"))
        dark = write(
            tmp_path,
            np.stack([camera, np.full_like(camera, 100), camera]),
            np.stack([sharp, sharp, 0 * sharp]),
            "TYX",
        )
        lines: list[str] = []
        assert len(training_fields([read_pair(dark, 2)], start, lines.append)) == 1
        assert lines == [f"left out p, plane {n}: one of its images is constant" for n in (2, 3)]

    def test_a_pair_with_nothing_in_common_is_refused(self, recorded: Path, start: PretrainedModel) -> None:
        lines: list[str] = []
        good, bad = self.pair(recorded, np.asarray), self.pair(recorded, lambda sharp: noise(*sharp.shape))
        with pytest.raises(
            ValueError, match=r"Pair 0: .* what tiny-start shows .*correlation -?0\.0\d.*take the pair out"
        ):
            training_fields([good, bad], start, lines.append)
        assert lines == []  # the message is enough

    def test_a_displaced_pair_is_told(self, recorded: Path, start: PretrainedModel) -> None:
        lines: list[str] = []
        camera = self.pair(recorded, np.asarray).planes[0].camera
        shown = restore(camera, start, preview=True, device="cpu").mean
        pair = self.pair(recorded, lambda _: np.roll(shown, (4, -3), (0, 1)))
        assert len(training_fields([pair], start, lines.append)) == 1
        (line,) = lines
        assert "plane 1 looks ill registered" in line
        found = re.search(r"about ([+-][0-9.]+) rows and ([+-][0-9.]+) columns", line)
        assert found is not None
        assert [float(n) for n in found.groups()] == pytest.approx([4, -3], abs=0.5)


def field(seed: int = 0, height: int = 24, width: int = 30) -> Field:
    """A field whose fine pixels repeat its camera pixels."""
    x = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    return Field(x, x.repeat(2, 0).repeat(2, 1))


class TestRecordedFields:
    def test_an_item_depends_on_seed_and_index_alone(self) -> None:
        fields = [field(0), field(1)]
        one, longer = RecordedFields(fields, DATA, 5, 4), RecordedFields(fields, DATA, 5, 40)
        last = longer[3]
        longer[7]
        for _ in range(2):
            assert torch.equal(one[3].x, last.x)
            assert torch.equal(one[3].y, last.y)
        assert not torch.equal(one[2].x, last.x)
        assert not torch.equal(RecordedFields(fields, DATA, 6, 4)[3].x, last.x)
        assert (len(one), len(longer)) == (4, 40)

    def test_both_patches_show_the_same_place(self) -> None:
        steady = DataConfig(kinds={}, patch=16, patches_per_field=80, offset_jitter=0.0)
        x, y = RecordedFields([field()], steady, 0, 1)[0]
        assert x.shape == (80, 1, 16, 16)
        assert y.shape == (80, 1, 32, 32)
        for i in range(2):
            for j in range(2):
                assert torch.equal(y[..., i::2, j::2], x)

    def test_places_turns_mirrors_and_brightness_vary(self) -> None:
        rows, columns = np.meshgrid(np.arange(24.0), np.arange(30.0), indexing="ij")
        ramp = (100 * rows + columns).astype(np.float32)
        x = RecordedFields(
            [Field(ramp, ramp.repeat(2, 0).repeat(2, 1))],
            DataConfig(kinds={}, patch=16, patches_per_field=400, gain_jitter=0.0, offset_jitter=0.0),
            0,
            1,
        )[0].x.numpy() / np.exp(-0.1)
        steps = {tuple(np.round([p[0, 1, 0] - p[0, 0, 0], p[0, 0, 1] - p[0, 0, 0]]).astype(int)) for p in x}
        assert steps == {(a, b) for s in (1, -1) for t in (1, -1) for a, b in ((100 * s, t), (t, 100 * s))}
        corners = {round(float(p.min())) for p in x}
        assert {c // 100 for c in corners} == set(range(9))
        assert {c % 100 for c in corners} == set(range(15))
        varied = RecordedFields([field()], DataConfig(kinds={}, patch=16, patches_per_field=400), 0, 1)[0]
        gains = np.log(varied.y.numpy().max((1, 2, 3)))
        assert gains.std() == pytest.approx(0.3, rel=0.2)

    def test_all_fields_are_used(self) -> None:
        bright = [Field(x + 10 * k, y + 10 * k) for k, (x, y) in enumerate([field(), field(), field()])]
        fields = RecordedFields(bright, DataConfig(kinds={}, patch=16, gain_jitter=0.0), 0, 60)
        seen = [int(fields[i].y[0].mean() / np.exp(-0.1)) // 10 for i in range(60)]
        assert min(seen.count(k) for k in range(3)) > 8
