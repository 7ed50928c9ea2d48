"""Clusters: blocks on other processes, and what happens when one of those dies."""

import sys
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import distributed
import numpy as np
import pytest
from distributed import KilledWorker
from distributed.comm.core import CommClosedError

from napari_cvdm.models import PretrainedModel, load_model, save_model
from napari_cvdm.restoration import execution
from napari_cvdm.restoration.cluster import cluster, explained
from napari_cvdm.restoration.errors import InputError
from napari_cvdm.restoration.lazy import restore_lazy


def test_without_one_there_is_no_client() -> None:
    with cluster(None, None) as client:
        assert client is None


def test_a_killed_worker_loses_nothing_and_changes_nothing(model: PretrainedModel, tmp_path: Path) -> None:
    stored = load_model(save_model(tmp_path / "tiny.safetensors", model.network, model.card))
    counts = np.random.default_rng(0).poisson(60, (3, 64, 96)).astype(np.uint16)
    image = da.from_array(counts, chunks=(1, 64, 50))
    settings: dict[str, Any] = {"axes": "TYX", "draws": 2, "steps": 2, "device": "cpu", "block": 32}
    lazy = restore_lazy(image, stored, **settings)
    expected = lazy.compute(scheduler="synchronous")

    with cluster(None, 2) as client:

        def die_once(block: Any, flag: str) -> Any:
            import os
            import pathlib
            import signal

            try:
                pathlib.Path(flag).touch(exist_ok=False)
            except FileExistsError:
                return block
            os.kill(os.getpid(), signal.SIGKILL)
            return block

        # With the kind of array given: dask would find it out by calling the function here.
        struck = lazy.pair.map_blocks(die_once, str(tmp_path / "died"), meta=np.empty((0,) * 4, np.float32))
        before = set(client.scheduler_info()["workers"])
        pair = client.compute(struck).result(timeout=200)
        assert (tmp_path / "died").exists()
        assert set(client.scheduler_info()["workers"]) != before
    # A worker may have another number of threads than this process, which rounds sums in another order.
    for recovered, undisturbed in zip(pair, (expected.mean, expected.std), strict=True):
        np.testing.assert_allclose(recovered, undisturbed, rtol=0, atol=1e-5 * np.ptp(expected.mean))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KilledWorker("block", None, 3), "too little memory"),
        (CancelledError("block"), "goes on from what is finished"),
        (CommClosedError("in <TCP>: ConnectionResetError"), "goes on from what is finished"),
        (
            ModuleNotFoundError("No module named 'napari_cvdm'", name="napari_cvdm"),
            "lack the package napari_cvdm",
        ),
    ],
)
def test_ends_of_a_cluster_say_what_to_do(error: Exception, words: str) -> None:
    with pytest.raises(InputError, match=words), explained():
        raise error


def test_errors_of_the_blocks_themselves_pass() -> None:
    with pytest.raises(InputError, match="as it is"), explained():
        raise InputError("as it is")


def test_workers_share_out_the_cores_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "available_cores", lambda: 6)
    seen: dict[str, Any] = {}

    def local(**options: Any) -> Any:
        seen.update(dask.config.get("distributed.nanny.pre-spawn-environ"))
        raise InputError("enough")

    monkeypatch.setattr(distributed, "LocalCluster", local)
    with pytest.raises(InputError, match="enough"), cluster(None, 2):
        pass
    assert seen["OMP_NUM_THREADS"] == "3"


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: client(address, timeout=timeout / 50))
    with pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:1 "), cluster("tcp://127.0.0.1:1", None):
        pass


def test_no_workers_are_too_few() -> None:
    with pytest.raises(InputError, match="at least 1"), cluster(None, 0):
        pass


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'napari-cvdm\[distributed\]'"), cluster(None, 2):
        pass
