"""Lazy restorations into OME-Zarr: complete, resumed after any end, the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask.base
import numpy as np
import pytest
import zarr
from dask.callbacks import Callback
from numpy.typing import NDArray

from napari_cvdm.files.streaming import Progress, write_restoration, zarr_targets
from napari_cvdm.files.unfinished import resume_or_begin
from napari_cvdm.models import PretrainedModel, load_model
from napari_cvdm.restoration.errors import ExistsAlreadyError, ImageFileError, OtherRunError
from napari_cvdm.restoration.lazy import LazyRestoration, restore_lazy

from .conftest import contents


class Interrupted(Exception):
    pass


class StopAfter:
    """Interrupts a run when so many regions of it are done."""

    def __init__(self, regions: int) -> None:
        self._regions, self.told = regions, list[Progress]()

    def __call__(self, progress: Progress) -> None:
        self.told.append(progress)
        if progress.done - progress.resumed >= self._regions:
            raise Interrupted


PROGRAM = """
import os, sys, numpy, torch
from napari_cvdm import load_model, restore_lazy
from napari_cvdm.files.streaming import write_restoration
torch.set_num_threads(1)
image, model = numpy.load(sys.argv[1]), load_model(sys.argv[2])
def tell(told):
    print(os.getpid(), told.done, told.resumed, flush=True)
    os.read(0, 1)  # and goes on when whoever is told wants it to
for line in sys.stdin:
    if not line.strip():
        continue  # of one who was told to go on, and killed
    child = os.fork()  # which has torch already, and can be killed
    if child == 0:
        settings = dict(axes="CYX", draws=4, steps=4, seed=3, device="cpu", block=32)
        lazy = restore_lazy(image, model, **settings)
        write_restoration(lazy, line.strip(), progress=tell)
        os._exit(0)
    os.waitpid(child, 0)
    print("end", flush=True)
"""


class Runner:
    """Starts restorations in processes of their own."""

    def __init__(self, image: Path, model: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(image), str(model)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, output: Path) -> Iterator[tuple[int, int, int]]:
        """Start one, and follow it to its end: its process, regions done, regions found done.

        It waits meanwhile: what it has told is so until the next is asked for, or it is let go on.
        """
        assert self.process.stdout is not None
        self._write(str(output))
        while (line := self.process.stdout.readline().strip()) != "end":
            pid, done, resumed = map(int, line.split())
            yield pid, done, resumed
            self.go_on()

    def go_on(self) -> None:
        """Let the one at work go on to what it tells next."""
        self._write("")

    def _write(self, line: str) -> None:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)


@pytest.fixture
def runner(tiny_model: PretrainedModel, stack: NDArray[np.uint16], tmp_path: Path) -> Iterator[Runner]:
    np.save(tmp_path / "in.npy", stack)
    assert tiny_model.path is not None
    running = Runner(tmp_path / "in.npy", tiny_model.path)
    yield running
    running.process.communicate(timeout=60)
    assert running.process.returncode == 0


class TestWriting:
    def test_gives_the_pixels_and_their_place(self, lazy: LazyRestoration, tmp_path: Path) -> None:
        told: list[Progress] = []
        targets = write_restoration(
            lazy, tmp_path / "out.ome.zarr", source={"name": "cells.tif"}, channel_names=["a", "b"],
            progress=told.append,
        )  # fmt: skip
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "out.ome.zarr",
            "out_uncertainty.ome.zarr",
        ]
        expected = lazy.compute(scheduler="synchronous")
        for name, data in (("reconstruction", expected.mean), ("uncertainty", expected.std)):
            group = zarr.open_group(targets[name], mode="r")
            np.testing.assert_array_equal(group["0"][:], data)
            more = {"content": name, "source": "cells.tif", "shape": list(data.shape)}
            assert group.attrs["napari_cvdm"] == lazy.provenance | more
            (dataset,) = group.attrs["ome"]["multiscales"][0]["datasets"]
            scale, translation = dataset["coordinateTransformations"]
            # Half as wide, and the first centre a quarter of a camera pixel before the camera's.
            assert scale["scale"] == [1.0, 0.0325, 0.0325]
            assert translation["translation"] == [0.0, -0.01625, -0.01625]
        fractions = [each.fraction for each in told]
        assert fractions == sorted(fractions)
        assert (told[-1].done, told[-1].regions, fractions[-1]) == (12, 12, 1.0)
        assert len(set(fractions)) > 13  # more often than once a region

    def test_fills_all_levels(self, tiny_model: PretrainedModel, tmp_path: Path) -> None:
        image = np.random.default_rng(0).poisson(60, (24, 300)).astype(np.uint8)
        lazy = restore_lazy(image, tiny_model, preview=True, device="cpu", block=64)
        write_restoration(lazy, tmp_path / "out.zarr")
        group = zarr.open_group(tmp_path / "out.zarr", mode="r")
        assert [group[level].shape for level in "01"] == [(48, 600), (24, 300)]
        mean = group["0"][:].reshape(24, 2, 300, 2).mean((1, 3))
        np.testing.assert_allclose(group["1"][:], mean, rtol=1e-5)

    def test_can_be_ended_until_the_last_moment(self, tiny_model: PretrainedModel, tmp_path: Path) -> None:
        image = np.random.default_rng(0).poisson(60, (2, 24, 300)).astype(np.uint8)
        lazy = restore_lazy(image, tiny_model, axes="TYX", preview=True, device="cpu", block=64)
        steps: list[str] = []

        def end_after(regions: int) -> Callable[[Progress], None]:
            def tell(progress: Progress) -> None:
                steps.append((tmp_path / ".out.zarr.unfinished" / "finished.txt").read_text())
                if steps[-1].count("level1") == regions:
                    raise Interrupted

            return tell

        coarse = 2
        for regions in range(1, coarse + 1):  # after the last, nothing is left but to deliver
            with pytest.raises(Interrupted):
                write_restoration(lazy, tmp_path / "out.zarr", progress=end_after(regions))
            assert [path.name for path in tmp_path.iterdir()] == [".out.zarr.unfinished"]
        write_restoration(lazy, tmp_path / "out.zarr", progress=end_after(coarse + 1))
        assert steps[-1].count("level1") == coarse

    def test_adds_the_offset_of_a_region_of_interest(
        self, tiny_model: PretrainedModel, stack: NDArray[np.uint16], tmp_path: Path
    ) -> None:
        part = restore_lazy(
            stack,
            tiny_model,
            axes="CYX",
            pixel_size=65.0,
            region=((10, 40), (0, 32)),
            preview=True,
            device="cpu",
        )
        write_restoration(part, tmp_path / "out.zarr", origin={"X": 20})
        found: Any = zarr.open_group(tmp_path / "out.zarr", mode="r").attrs["ome"]
        transformations = found["multiscales"][0]["datasets"][0]["coordinateTransformations"]
        assert transformations[1]["translation"] == [0.0, 0.63375, 1.28375]

    def test_names_channels_when_there_are_pixels(
        self, lazy: LazyRestoration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also if it was killed between the two folders, of which one then is no longer there to be named."""
        rename = Path.rename

        def only_the_first(path: Path, target: Path) -> Path:
            if path.name == "uncertainty":
                raise KeyboardInterrupt
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", only_the_first)
            with pytest.raises(KeyboardInterrupt):
                write_restoration(lazy, tmp_path / "out.zarr", channel_names=["DNA", "actin"])
        targets = write_restoration(lazy, tmp_path / "out.zarr", channel_names=["DNA", "actin"])
        for path in targets.values():
            group: Any = zarr.open_group(path, mode="r")
            channels = group.attrs["ome"]["omero"]["channels"]
            assert [each["label"] for each in channels] == ["DNA", "actin"]
            for each, pixels in zip(channels, group["0"][:], strict=True):
                assert each["window"]["max"] == pixels.max()

    def test_never_overwrites_unasked(self, lazy: LazyRestoration, tmp_path: Path) -> None:
        (tmp_path / "out_uncertainty.zarr").mkdir()
        with pytest.raises(ImageFileError, match="exists already"):
            write_restoration(lazy, tmp_path / "out.zarr")
        write_restoration(lazy, tmp_path / "out.zarr", overwrite=True)
        assert (tmp_path / "out_uncertainty.zarr" / "zarr.json").exists()

    def test_what_another_request_has_left_can_be_thrown_away_without_replacing_results(
        self, lazy: LazyRestoration, tmp_path: Path
    ) -> None:
        for name in ("out.zarr", "there.zarr"):
            with resume_or_begin(tmp_path / name, {"of": "another"}) as unfinished:
                unfinished.begin()
                unfinished.mark("block 0")
        (tmp_path / "there.zarr").mkdir()
        with pytest.raises(OtherRunError, match="overwrite=True"):
            write_restoration(lazy, tmp_path / "out.zarr")
        with pytest.raises(ExistsAlreadyError):
            write_restoration(lazy, tmp_path / "there.zarr", discard=True)
        write_restoration(lazy, tmp_path / "out.zarr", discard=True)
        assert (tmp_path / "out.zarr" / "zarr.json").exists()

    def test_of_one_that_is_given_up_stays_what_was_there_before_it(
        self, lazy: LazyRestoration, tmp_path: Path
    ) -> None:
        def end(number: int, given_up: type[BaseException]) -> StopAfter:
            stop = StopAfter(number)
            with pytest.raises(Interrupted):
                write_restoration(lazy, tmp_path / "out.zarr", progress=stop, given_up=given_up)
            return stop

        end(3, Interrupted)
        assert list(tmp_path.iterdir()) == []
        assert end(3, KeyError).told[0].resumed == 0
        assert end(2, Interrupted).told[0].resumed == 3
        assert end(1, KeyError).told[0].resumed == 5

    @pytest.mark.parametrize(
        ("name", "uncertainty"),
        [("a.zarr", "a_uncertainty.zarr"), ("a.b.OME.ZARR", "a.b_uncertainty.OME.ZARR")],
    )
    def test_names_the_uncertainty_after_the_reconstruction(self, name: str, uncertainty: str) -> None:
        assert list(zarr_targets(Path(name)).values()) == [Path(name), Path(uncertainty)]


class TestTwoAtOnce:
    """Runs in two threads of a process, each told of its own work alone."""

    @pytest.fixture
    def start(
        self, lazy: LazyRestoration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Callable[[str, StopAfter], Future[Any]]]:
        """Start a run under a name; it computes as soon as another one can, too."""
        both, compute = threading.Barrier(2, timeout=60), dask.base.compute

        def compute_together(*arrays: Any, **options: Any) -> Any:
            both.wait()
            return compute(*arrays, **options)

        with ThreadPoolExecutor(2) as pool:

            def start(name: str, tell: StopAfter) -> Future[Any]:
                (tmp_path / name).mkdir()
                return pool.submit(write_restoration, lazy, tmp_path / name / "out.zarr", progress=tell)

            start("alone", alone := StopAfter(99)).result()
            self.alone = alone.told
            monkeypatch.setattr(dask.base, "compute", compute_together)
            yield start

    def test_each_is_told_what_it_is_told_alone(
        self, start: Callable[[str, StopAfter], Future[Any]], tmp_path: Path
    ) -> None:
        told = {name: StopAfter(99) for name in "ab"}
        for run in [start(name, tell) for name, tell in told.items()]:
            run.result()
        for name, tell in told.items():
            assert tell.told == self.alone
            assert contents(tmp_path / name) == contents(tmp_path / "alone")

    def test_one_that_is_ended_keeps_its_own_and_leaves_the_other_alone(
        self, lazy: LazyRestoration, start: Callable[[str, StopAfter], Future[Any]], tmp_path: Path
    ) -> None:
        runs = start("a", all_of_it := StopAfter(99)), start("b", StopAfter(4))
        runs[0].result()
        assert all_of_it.told == self.alone
        with pytest.raises(Interrupted):
            runs[1].result()
        assert [path.name for path in (tmp_path / "b").iterdir()] == [".out.zarr.unfinished"]
        journal = (tmp_path / "b" / ".out.zarr.unfinished" / "finished.txt").read_text()
        assert journal.count("block") == 4
        start("c", StopAfter(99))  # the one that the rest of b is computed beside
        write_restoration(lazy, tmp_path / "b" / "out.zarr", progress=(rest := StopAfter(99)))
        assert rest.told[0].resumed == 4
        assert contents(tmp_path / "b") == contents(tmp_path / "alone")

    def test_a_progress_bar_of_dasks_sees_the_blocks(self, lazy: LazyRestoration, tmp_path: Path) -> None:
        seen = []
        with Callback(posttask=lambda key, *_: seen.append(key)):
            write_restoration(lazy, tmp_path / "out.zarr")
        assert len({key for key in seen if key[0].startswith("write-")}) == 12


class TestResuming:
    def test_notes_a_region_once_all_of_it_is_on_the_disk(
        self, lazy: LazyRestoration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[int] = []
        sync = os.fsync

        def noted(descriptor: int) -> None:
            synced.append(os.fstat(descriptor).st_ino)
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", noted)
        with pytest.raises(Interrupted):
            write_restoration(lazy, tmp_path / "out.zarr", progress=StopAfter(12))
        unfinished = tmp_path / ".out.zarr.unfinished"
        chunks = [each.stat().st_ino for each in unfinished.rglob("c/*/*/*") if each.is_file()]
        assert len(chunks) >= 2 * 12
        journal = (unfinished / "finished.txt").stat().st_ino
        marks = [place for place, file in enumerate(synced) if file == journal]
        assert set(chunks) < set(synced[: marks[-1]])
        for mark, before in zip(marks[1:], marks, strict=False):
            assert len(set(synced[before:mark]) & set(chunks)) >= 2

    def test_goes_on_after_what_is_done_to_the_same_bytes(
        self, lazy: LazyRestoration, tmp_path: Path
    ) -> None:
        for folder in ("whole", "resumed"):
            (tmp_path / folder).mkdir()
        write_restoration(lazy, tmp_path / "whole" / "out.zarr")
        output = tmp_path / "resumed" / "out.zarr"
        for already in (0, 5):
            stop = StopAfter(5)
            with pytest.raises(Interrupted):
                write_restoration(lazy, output, progress=stop)
            assert stop.told[0].resumed == already
            assert [path.name for path in output.parent.iterdir()] == [".out.zarr.unfinished"]
        told: list[Progress] = []
        write_restoration(lazy, output, progress=told.append)
        assert (told[0].resumed, told[0].done) == (10, 10)
        assert contents(output.parent) == contents(tmp_path / "whole")

    def test_writes_a_region_anew_of_which_half_was_written(
        self, lazy: LazyRestoration, tmp_path: Path
    ) -> None:
        write_restoration(lazy, tmp_path / "whole.zarr")
        with pytest.raises(Interrupted):
            write_restoration(lazy, tmp_path / "out.zarr", progress=StopAfter(3))
        unfinished = tmp_path / ".out.zarr.unfinished"
        journal = (unfinished / "finished.txt").read_text()
        assert len(journal.splitlines()) == 3
        image = zarr.open_group(next(unfinished.glob("*/reconstruction")))["0"]
        for channel, row, column in np.ndindex(2, 2, 3):
            if f"block {(channel, row, column)}\n" not in journal:
                image[channel, 64 * row : 64 * row + 40, 64 * column : 64 * column + 64] = 1e9
        write_restoration(lazy, tmp_path / "out.zarr")
        for level in zarr.open_group(tmp_path / "whole.zarr"):
            np.testing.assert_array_equal(
                zarr.open_group(tmp_path / "out.zarr")[level][:],
                zarr.open_group(tmp_path / "whole.zarr")[level][:],
            )

    @pytest.mark.parametrize("change", ["settings", "source", "pixels"])
    def test_of_another_request_is_refused(
        self,
        lazy: LazyRestoration,
        stack: NDArray[np.uint16],
        tiny_model: PretrainedModel,
        tmp_path: Path,
        change: str,
    ) -> None:
        with pytest.raises(Interrupted):
            write_restoration(lazy, tmp_path / "out.zarr", progress=StopAfter(3), source={"size": 1})
        other = lazy
        if change == "settings":
            other = replace(lazy, provenance=lazy.provenance | {"seed": 4})
        if change == "pixels":
            # Another image of the same shape and the same intensities.
            model = load_model(tiny_model.path)
            options = {"draws": 2, "steps": 1, "seed": 3, "device": "cpu", "block": 32}
            other = restore_lazy(stack[:, ::-1], model, axes="CYX", pixel_size=65.0, **options)
            assert other.provenance == lazy.provenance
        source = {"size": 2} if change == "source" else {"size": 1}
        with pytest.raises(ImageFileError, match="unfinished"):
            write_restoration(other, tmp_path / "out.zarr", source=source)
        write_restoration(other, tmp_path / "out.zarr", source=source, overwrite=True)

    def test_killed_between_the_two_images_finishes_both(
        self, lazy: LazyRestoration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rename = Path.rename

        def once(path: Path, to: Path) -> Path:
            if path.name == "uncertainty":
                raise Interrupted
            return rename(path, to)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", once)
            with pytest.raises(Interrupted):
                write_restoration(lazy, tmp_path / "out.zarr")
        assert sorted(path.name for path in tmp_path.iterdir()) == [".out.zarr.unfinished", "out.zarr"]
        write_restoration(lazy, tmp_path / "out.zarr")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out.zarr", "out_uncertainty.zarr"]
        with pytest.raises(ImageFileError, match="exists already"):
            write_restoration(lazy, tmp_path / "out.zarr")

    def test_after_sigkill_at_random_moments_five_times_gives_the_same_bytes(
        self, tmp_path: Path, runner: Runner
    ) -> None:
        for folder in ("whole", "killed"):
            (tmp_path / folder).mkdir()
        chance, kept = random.Random(7), 0
        for _ in range(5):
            run = runner.start(tmp_path / "killed" / "out.zarr")
            pid, done, resumed = next(run)
            assert done == resumed >= kept
            kept = done
            goal = done + chance.randrange(1, 3)
            while done < goal:
                _, done, _ = next(run)
            runner.go_on()
            time.sleep(chance.uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
            assert all(done <= goal + 1 for _, done, _ in run)
        assert kept > 0
        for folder in ("whole", "killed"):
            assert list(runner.start(tmp_path / folder / "out.zarr"))[-1][1] == 12
        assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
