"""What is promised of clusters, on real processes: the same pixels, nothing lost, the model loaded once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_cvdm.cli import main
from napari_cvdm.cvdm.model import CVDM, CVDMConfig
from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.ome_zarr_reading import open_ome_zarr
from napari_cvdm.files.streaming import Progress, write_restoration
from napari_cvdm.models import ModelCard, PretrainedModel, load_model, save_model
from napari_cvdm.restoration.cluster import cluster
from napari_cvdm.restoration.lazy import LazyRestoration, restore_lazy
from napari_cvdm.restoration.result import Restoration

#: Older dask warns of what these tests do on purpose, to compare.
pytestmark = pytest.mark.filterwarnings("ignore:Running on a single-machine scheduler:UserWarning")

COUNTING = """
import os, pathlib
from napari_cvdm.restoration import resident
if not hasattr(resident, "loads_counted_in"):
    load = resident.load_referenced
    def counted(reference):
        with pathlib.Path(resident.loads_counted_in).open("a") as file:
            print(os.getpid(), file=file)
        return load(reference)
    resident.load_referenced = counted
resident.loads_counted_in = {file!r}
"""


def count_loads(file: str) -> None:
    exec(COUNTING.format(file=file), {})


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with cluster(None, 2) as client:
        yield client


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> PretrainedModel:
    torch.manual_seed(0)
    config = CVDMConfig(
        mean_widths=(4, 8), mean_blocks=(1, 1), noise_widths=(4, 8), noise_blocks=(1, 1), scale_width=4,
        rate_width=4, clock_units=4,
    )  # fmt: skip
    card = ModelCard("tiny", "For tests.", config.to_dict(), upscaling=2, default_steps=1)
    return load_model(save_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", CVDM(config), card))


@pytest.fixture
def film() -> NDArray[np.uint16]:
    return np.random.default_rng(0).poisson(60, (2, 70, 100)).astype(np.uint16)


@pytest.fixture
def lazy(tiny: PretrainedModel, film: NDArray[np.uint16]) -> LazyRestoration:
    """In 2 × 2 × 3 blocks."""
    return restore_lazy(film, tiny, axes="TYX", draws=2, steps=1, seed=3, device="cpu", block=32)


def assert_same(result: Restoration, expected: Restoration) -> None:
    # Processes may have another number of threads than this one, which rounds sums in another order.
    for ours, theirs in ((result.mean, expected.mean), (result.std, expected.std)):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * float(np.ptp(theirs)))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestLazyRestorations:
    def test_are_the_same_on_threads_and_processes_and_load_once_in_each(
        self, lazy: LazyRestoration, tmp_path: Path
    ) -> None:
        expected = lazy.compute(scheduler="synchronous")
        threaded = lazy.compute(scheduler="threads", num_workers=4)
        np.testing.assert_array_equal(threaded.mean, expected.mean)
        np.testing.assert_array_equal(threaded.std, expected.std)
        counting = COUNTING.format(file=str(tmp_path / "loads"))
        with ProcessPoolExecutor(2, get_context("spawn"), initializer=exec, initargs=(counting, {})) as pool:
            assert_same(lazy.compute(scheduler="processes", pool=pool), expected)
        loads = (tmp_path / "loads").read_text().split()
        assert len(loads) == len(set(loads)) in (1, 2)
        assert str(os.getpid()) not in loads

    def test_are_the_same_on_a_cluster_and_load_once_in_each_worker(
        self, lazy: LazyRestoration, client: Any, tmp_path: Path
    ) -> None:
        client.run(count_loads, str(tmp_path / "loads"))
        mean, std = client.gather(client.compute([lazy.mean, lazy.std]))
        expected = lazy.compute(scheduler="synchronous")
        assert_same(Restoration(mean, std, None, lazy.axes, None, 2, {}), expected)
        loads = (tmp_path / "loads").read_text().split()
        assert set(loads) == {str(pid) for pid in client.run(os.getpid).values()}
        assert len(loads) == 2


class TestWriting:
    def test_with_a_worker_killed_in_mid_run_loses_nothing_and_writes_the_same_bytes(
        self, lazy: LazyRestoration, client: Any, tmp_path: Path
    ) -> None:
        for folder in ("whole", "killed"):
            (tmp_path / folder).mkdir()
        write_restoration(lazy, tmp_path / "whole" / "out.zarr", client=client)
        victim = next(iter(client.run(os.getpid).values()))
        told: list[Progress] = []

        def kill(progress: Progress) -> None:
            told.append(progress)
            if progress.done == 2:
                os.kill(victim, signal.SIGKILL)

        write_restoration(lazy, tmp_path / "killed" / "out.zarr", client=client, progress=kill)
        done = [each.done for each in told]
        assert done[:13] == list(range(13))
        assert set(done[13:]) == {12}  # the coarser levels, and the end
        assert victim not in client.run(os.getpid).values()
        assert files(tmp_path / "killed") == files(tmp_path / "whole")

    def test_interrupted_goes_on_from_what_is_finished(
        self, lazy: LazyRestoration, client: Any, tmp_path: Path
    ) -> None:
        def interrupt(progress: Progress) -> None:
            if progress.done == 5:
                raise KeyboardInterrupt

        told: list[Progress] = []
        with pytest.raises(KeyboardInterrupt):
            write_restoration(lazy, tmp_path / "out.zarr", client=client, progress=interrupt)
        write_restoration(lazy, tmp_path / "out.zarr", client=client, progress=told.append)
        assert (told[0].resumed, told[-1].done) == (5, 12)
        expected = lazy.compute(scheduler="synchronous")
        np.testing.assert_allclose(
            open_ome_zarr(tmp_path / "out.zarr").data[:], expected.mean, rtol=1e-5, atol=1e-3
        )

    def test_of_pixels_that_are_not_finite_says_what_it_says_here(
        self, tiny: PretrainedModel, client: Any, tmp_path: Path
    ) -> None:
        image = np.random.default_rng(0).random((40, 40))
        image[30, 5] = np.inf
        lazy = restore_lazy(image, tiny, device="cpu")
        with pytest.raises(ValueError, match="not finite"):
            write_restoration(lazy, tmp_path / "out.zarr", client=client)


@pytest.mark.parametrize("how", ["--scheduler", "--workers"])
def test_the_command_line_gives_the_pixels_that_it_gives_alone(
    how: str,
    client: Any,
    tiny: PretrainedModel,
    film: NDArray[np.uint16],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_ome_tiff(tmp_path / "film.ome.tif", film, "TYX", 65.0)
    command = ["--model", str(tiny.path), "--draws", "2", "--steps", "1", "--device", "cpu"]
    # From OME-Zarr named by a path that means nothing to a worker that was started elsewhere.
    monkeypatch.chdir(tmp_path)
    assert main(["restore", "film.ome.tif", "-o", "one.ome.zarr", "--preview", *command[:2]]) == 0
    assert main(["restore", "one.ome.zarr", "-o", "alone.ome.zarr", *command]) == 0
    extra = [how, client.scheduler.address if how == "--scheduler" else "1"]
    capsys.readouterr()
    assert main(["restore", "one.ome.zarr", "-o", "spread.ome.zarr", *command, *extra]) == 0
    assert "2 of 2 regions" in capsys.readouterr().err
    for name in ("", "_uncertainty"):
        alone, spread = (open_ome_zarr(f"{each}{name}.ome.zarr").data[:] for each in ("alone", "spread"))
        np.testing.assert_allclose(spread, alone, rtol=0, atol=1e-5 * float(np.ptp(alone)))
