"""Training data: item i is item i, whoever makes it and whenever; what is held out stays out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from napari_cvdm.models.pretrained import PERCENTILES
from napari_cvdm.simulation import structures
from napari_cvdm.simulation.acquisition import Acquisition
from napari_cvdm.simulation.micrographs import BIOSR
from napari_cvdm.simulation.ranges import AcquisitionRanges
from napari_cvdm.training import dataset
from napari_cvdm.training.config import ConfigError, DataConfig
from napari_cvdm.training.dataset import (
    STRIDE,
    TRAINING_IMAGES,
    Patches,
    TrainingFields,
    batches,
    fields_needed,
    normalise_pair,
)
from napari_cvdm.training.validation import VALIDATION_IMAGES

DATA = DataConfig(
    kinds={"rings": 1.0, "vesicles": 1.0},
    field=24,
    patch=16,
    patches_per_field=3,
    gain_jitter=0.2,
    offset_jitter=0.03,
)
RANGES = AcquisitionRanges()


def simulated(data: DataConfig = DATA, seed: int = 0, length: int = 200) -> TrainingFields:
    return TrainingFields(data, RANGES, seed, None, length)


def equal(a: Patches, b: Patches) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class TestNormalisePair:
    def test_zero_and_one_are_the_percentiles_of_the_wide_field_image(self) -> None:
        rng = np.random.default_rng(0)
        widefield = rng.integers(200, 4000, (64, 64)).astype(np.uint16)
        target = rng.random((128, 128), np.float32) * 1000
        x, y = normalise_pair(Acquisition(widefield, target))
        assert x.dtype == y.dtype == np.float32
        # As in a restoration.
        assert np.percentile(x, PERCENTILES) == pytest.approx((0, 1), abs=1e-5)
        # The target has no offset of its own: its zero stays zero, in the unit of the input.
        unit = np.ptp(widefield.astype(float)) / np.ptp(x.astype(float))
        np.testing.assert_allclose(y * unit, target, rtol=1e-4)

    def test_an_even_image_is_not_divided_by_zero(self) -> None:
        x, y = normalise_pair(Acquisition(np.full((8, 8), 100, np.uint16), np.zeros((16, 16), np.float32)))
        assert not x.any()
        assert not y.any()


class TestTrainingFields:
    def test_shapes_and_types(self) -> None:
        fields = simulated()
        assert len(fields) == 200
        patches = fields[0]
        assert patches.x.shape == (3, 1, 16, 16)
        assert patches.y.shape == (3, 1, 32, 32)
        for part in patches:
            assert part.dtype == torch.float32
            assert part.isfinite().all()

    def test_an_item_depends_on_seed_and_index_alone(self, micrographs: Path) -> None:
        for folder in (None, micrographs):
            first, second = (TrainingFields(DATA, RANGES, 5, folder, length) for length in (50, 90))
            second[8]  # what was made before does not matter
            assert equal(first[7], second[7])
            assert not equal(first[7], first[8])
            assert not equal(first[7], TrainingFields(DATA, RANGES, 6, folder, 50)[7])

    def test_input_and_target_show_the_same_place(self) -> None:
        clean = AcquisitionRanges(haze=(0, 0), background=(0, 0), photons=(2000, 2000), psf_sigma=(2, 2))
        fields = TrainingFields(replace(DATA, patches_per_field=16, kinds={"actin": 1.0}), clean, 1, None, 9)
        aligned, flipped = [], []
        for index in range(4):
            x, y = fields[index]
            binned = torch.nn.functional.avg_pool2d(y, 2)
            for i in range(16):
                if binned[i].std() > 0.1:  # in fainter patches there is more noise than structure
                    aligned.append(np.corrcoef(x[i].ravel(), binned[i].ravel())[0, 1])
                    flipped.append(np.corrcoef(x[i].ravel(), binned[i].flip(-1).ravel())[0, 1])
        assert len(aligned) > 20
        assert min(aligned) > 0.75
        assert np.median(aligned) > 0.9
        assert np.median(flipped) < 0.5

    def test_patches_are_cut_from_the_normalised_field(self) -> None:
        steady = replace(DATA, gain_jitter=0.0, offset_jitter=0.0, patch=24)
        fields = simulated(steady)
        _, pair = fields.acquire_field(3)
        whole_x, whole_y = normalise_pair(pair)
        patches = fields[3]
        gain = np.exp(-0.1)
        for i in range(3):
            # The patch is the whole field, turned or mirrored.
            assert np.sort(patches.x[i].ravel()) == pytest.approx(gain * np.sort(whole_x.ravel()), abs=1e-5)
            assert np.sort(patches.y[i].ravel()) == pytest.approx(gain * np.sort(whole_y.ravel()), abs=1e-5)

    def test_jitter_scales_both_and_shifts_the_input_alone(self) -> None:
        data = replace(DATA, patch=24, patches_per_field=200, gain_jitter=0.3, offset_jitter=0.05)
        fields = simulated(data)
        _, pair = fields.acquire_field(2)
        whole_x, whole_y = normalise_pair(pair)
        x, y = fields[2]
        gains = y.mean(dim=(1, 2, 3)).numpy() / whole_y.mean()
        shifts = x.mean(dim=(1, 2, 3)).numpy() / gains - whole_x.mean()
        assert np.log(gains).mean() == pytest.approx(-0.1, abs=0.08)
        assert np.log(gains).std() == pytest.approx(0.3, rel=0.2)
        assert shifts.mean() == pytest.approx(0, abs=0.015)
        assert shifts.std() == pytest.approx(0.05, rel=0.2)

    def test_patches_are_turned_and_mirrored(self) -> None:
        data = replace(DATA, patch=24, patches_per_field=120, gain_jitter=0.0, offset_jitter=0.0)
        x = simulated(data)[1].x
        assert len({patch.numpy().tobytes() for patch in x}) == 8

    def test_every_second_patch_seeks_contrast(self) -> None:
        data = replace(DATA, field=96, patches_per_field=40, gain_jitter=0.0, kinds={"vesicles": 1.0})
        spreads = np.mean(
            [simulated(data)[index].y.std(dim=(1, 2, 3)).reshape(20, 2).mean(dim=0) for index in range(10)],
            axis=0,
        )
        assert spreads[1] > 1.1 * spreads[0]

    def test_frequencies_of_kinds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn: list[str] = []

        def record(rng: np.random.Generator, kind: str, size: int) -> np.ndarray:
            drawn.append(kind)
            return structures.STRUCTURES["vesicles"](rng, size)

        monkeypatch.setattr(dataset, "draw_structure", record)
        fields = simulated(replace(DATA, kinds={"actin": 3.0, "rings": 1.0, "mixture": 0.0}))
        for index in range(200):
            fields.acquire_field(index)
        assert drawn.count("mixture") == 0
        assert drawn.count("actin") == pytest.approx(150, abs=25)


class TestMicrographs:
    def test_training_and_validation_share_no_image(self) -> None:
        assert set(TRAINING_IMAGES) == set(range(1, 41))
        assert set(VALIDATION_IMAGES) == set(range(41, 46))

    def test_held_out_images_never_appear(self, micrographs: Path, tmp_path: Path) -> None:
        fields = TrainingFields(DATA, RANGES, 0, micrographs, 9)
        assert {m.name for m in fields.micrographs} == {f"{s}/{n:02d}" for s in BIOSR for n in range(1, 41)}
        # Training does not so much as look at them: without their files it makes the same fields.
        folder = tmp_path / "training"
        held_out = [f"{n:02d}.png" for n in range(41, 46)]
        shutil.copytree(micrographs, folder, ignore=lambda *_: held_out)
        without = TrainingFields(replace(DATA, micrograph_share=1.0), RANGES, 0, folder, 9)
        with_all = TrainingFields(replace(DATA, micrograph_share=1.0), RANGES, 0, micrographs, 9)
        assert all(equal(without[index], with_all[index]) for index in range(9))

    def test_the_share_of_real_images(self, micrographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real: list[str] = []
        cut = dataset.cut_density

        def record(
            rng: np.random.Generator, micrograph: dataset.Micrograph, size: int, **options: Any
        ) -> object:
            real.append(micrograph.name)
            assert options == {"kept_background": (0.2, 0.5), "even_light": False, "variety": None}
            return cut(rng, micrograph, size, **options)

        monkeypatch.setattr(dataset, "cut_density", record)
        data = replace(DATA, micrograph_share=0.4, kept_background=(0.2, 0.5), even_light=False)
        fields = TrainingFields(data, RANGES, 0, micrographs, 100)
        for index in range(100):
            fields.acquire_field(index)
        assert len(real) == pytest.approx(40, abs=13)
        assert {name.split("/")[0] for name in real} == set(BIOSR)
        assert len(set(real)) > 20

    def test_the_share_of_empty_fields(self, micrographs: Path) -> None:
        data = replace(DATA, empty_share=0.3, micrograph_share=0.5)
        fields = TrainingFields(data, RANGES, 0, micrographs, 100)
        empty = [fields.acquire_field(index)[1].target.max() == 0 for index in range(100)]
        assert sum(empty) == pytest.approx(30, abs=12)
        patches = fields[empty.index(True)]
        assert patches.y.abs().max() == 0
        assert patches.x.std() > 0.05  # noise, stretched by its own percentiles

    def test_no_share_needs_no_folder(self, tmp_path: Path) -> None:
        fields = TrainingFields(replace(DATA, micrograph_share=0.0), RANGES, 0, tmp_path / "nowhere", 9)
        assert fields.micrographs == []
        assert equal(fields[0], simulated(replace(DATA, micrograph_share=0.0))[0])

    def test_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"no micrograph at .*nowhere.*with --micrographs"):
            TrainingFields(DATA, RANGES, 0, tmp_path / "nowhere", 9)


class Numbered(TrainingFields):
    """Fields whose patches tell where they come from: 1000 · field + patch."""

    def __getitem__(self, index: int) -> Patches:
        numbers = 1000.0 * index + torch.arange(self.data.patches_per_field)
        return Patches(numbers, -numbers)


class TestBatches:
    def test_a_batch_mixes_fields_and_uses_no_patch_twice(self) -> None:
        batch, steps = 3, 60
        length = fields_needed(steps, batch, batch)
        source = Numbered(DATA, RANGES, 0, None, length)
        seen: list[int] = []
        for step, part in enumerate(batches(source, batch, 0, steps, 0, batch)):
            numbers = [int(n) for n in part.x]
            assert torch.equal(part.x, -part.y)
            assert [n // 1000 for n in numbers] == [step + STRIDE * k for k in range(batch)]
            seen += numbers
        assert len(seen) == len(set(seen)) == batch * steps
        assert max(n // 1000 for n in seen) == length - 1
        # A field in the middle of the run gives each of its patches.
        assert sorted(n % 1000 for n in seen if n // 1000 == 2 * STRIDE) == [0, 1, 2]

    def test_a_large_batch_takes_several_fields_for_each_patch_of_one(self) -> None:
        batch, steps, served = 6, 40, 3
        length = fields_needed(steps, batch, served)
        source = Numbered(DATA, RANGES, 0, None, length)
        seen: list[int] = []
        for part in batches(source, batch, 0, steps, 0, served):
            numbers = [int(n) for n in part.x]
            assert len({n // 1000 for n in numbers}) == len(numbers) == batch
            seen += numbers
        assert len(seen) == len(set(seen)) == batch * steps
        assert max(n // 1000 for n in seen) == length - 1
        whole = list(batches(source, batch, 0, steps, 0, served))
        rest = list(batches(source, batch, 7, steps, 0, served))
        assert all(equal(a, b) for a, b in zip(whole[7:], rest, strict=True))

    def test_patches_of_a_field_are_stacked(self) -> None:
        (part,) = batches(simulated(), 2, 0, 1, 0, 2)
        assert part.x.shape == (2, 1, 16, 16)
        assert part.y.shape == (2, 1, 32, 32)
        assert torch.equal(part.y[0], simulated()[0].y[1])
        assert torch.equal(part.y[1], simulated()[STRIDE].y[0])

    @pytest.mark.parametrize("start", [1, 5])
    def test_an_interrupted_run_goes_on_with_the_same_batches(self, start: int) -> None:
        whole = list(batches(simulated(), 2, 0, 8, 0, 2))
        rest = list(batches(simulated(), 2, start, 8, 0, 2))
        assert len(whole) == 8
        assert len(rest) == 8 - start
        assert all(equal(a, b) for a, b in zip(whole[start:], rest, strict=True))

    # Python 3.12 and later warn of every fork of a process with threads; loading data lives with that.
    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    def test_workers_change_nothing(self) -> None:
        here = list(batches(simulated(), 2, 2, 5, 0, 2))
        elsewhere = list(batches(simulated(), 2, 2, 5, 1, 2))
        assert len(here) == 3
        assert all(equal(a, b) for a, b in zip(here, elsewhere, strict=True))

    @pytest.mark.skipif(sys.platform == "win32", reason="a job of a POSIX shell")
    def test_an_interruption_ends_them_without_a_word_of_theirs(self, tmp_path: Path) -> None:
        config = tmp_path / "run.toml"
        config.write_text(
            'name = "tiny"\n'
            "[architecture]\nmean_widths = [4, 8]\nmean_blocks = [1, 1]\nnoise_widths = [4, 8]\n"
            "noise_blocks = [1, 1]\nscale_width = 4\nrate_width = 4\nclock_units = 4\n"
            "[data]\nkinds = {rings = 1.0}\nfield = 24\npatch = 16\npatches_per_field = 2\n"
            "[optimiser]\ncycles = [100000]\nbatch = 2\n[schedule]\nlog_every = 1\n"
        )
        train = [sys.executable, "-m", "napari_cvdm", "train", str(config), "-o", str(tmp_path / "run")]
        run = subprocess.Popen(
            [*train, "--workers", "2", "--device", "cpu"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert run.stdout is not None
        while not run.stdout.readline().startswith("step"):
            assert run.poll() is None
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does, to all processes of the job
        _, error = run.communicate(timeout=60)
        assert (run.returncode, error.splitlines()[-1]) == (130, "napari-cvdm: interrupted")
        assert "Traceback" not in error

    @pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no such signal")
    def test_no_worker_outlives_a_run_that_was_killed(self) -> None:
        # Its fields take more than a pipe holds, so that it has something left to send at any time.
        script = (
            "import multiprocessing, time\n"
            "from napari_cvdm.simulation.ranges import AcquisitionRanges\n"
            "from napari_cvdm.training.config import DataConfig\n"
            "from napari_cvdm.training.dataset import TrainingFields, batches\n"
            "data = DataConfig(kinds={'vesicles': 1.0}, field=64, patch=64, patches_per_field=2)\n"
            "fields = TrainingFields(data, AcquisitionRanges(), 0, None, 200)\n"
            "next(made := batches(fields, 2, 0, 90, 2, 2))\n"
            "print(*(each.pid for each in multiprocessing.active_children()), flush=True)\n"
            "time.sleep(300)\n"
        )
        run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        with run.stdout:
            workers = [psutil.Process(int(each)) for each in run.stdout.readline().split()]
            assert len(workers) == 2
            run.kill()
            run.wait()
        deadline = time.monotonic() + 60
        while (alive := [each for each in workers if _is_at_work(each)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        for each in alive:
            each.kill()
        assert not alive

    def test_a_finished_run_has_no_more(self) -> None:
        assert list(batches(simulated(), 2, 8, 8, 0, 2)) == []


def _is_at_work(process: psutil.Process) -> bool:
    """Whether it has not ended. In a container, nobody may fetch the exit status of orphans."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
