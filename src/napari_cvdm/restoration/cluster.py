"""A dask cluster to restore on: one that runs already, or processes of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from napari_cvdm.restoration.errors import InputError


@contextmanager
def cluster(scheduler: str | None, workers: int | None) -> Iterator[Any]:
    """Connect to a dask cluster, or start one on this machine; yields a client, or None for neither.

    Parameters
    ----------
    scheduler : str or None
        Address of a running scheduler, such as tcp://10.0.0.1:8786.
    workers : int or None
        Processes to start here.

    Raises
    ------
    InputError
        If both are given, distributed is not installed, or no scheduler answers.
    """
    if scheduler is None and workers is None:
        yield None
        return
    if scheduler is not None and workers is not None:
        raise InputError(
            "A running scheduler has workers of its own: name it, or a number of workers, not both."
        )
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError(
            "Computing on a cluster needs the package distributed. Install it with: "
            "pip install 'napari-cvdm[distributed]'"
        ) from error
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=10)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(
                f"No dask scheduler answers at {scheduler} ({error}). Is it running, is the address right?"
            ) from error
        with client:
            yield client
        return
    if workers is None or workers < 1:
        raise InputError(f"The number of workers must be at least 1, not {workers}.")
    from napari_cvdm.restoration.execution import available_cores

    # dask gives each process one thread for arithmetic; here they share out the cores that are ours to use.
    threads = str(max(1, available_cores() // workers))
    environment = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": environment}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # any free port: two runs at once must not want the same
            memory_limit=0,
        ) as local,
        Client(local) as client,
    ):
        yield client


@contextmanager
def explained() -> Iterator[None]:
    """Turn the ends that a computation on a cluster can come to into an `InputError` that says what to do.

    Errors of the computation itself pass through as they are.
    """
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        yield
    except KilledWorker as error:
        raise InputError(
            "The workers of the cluster died again and again over the same block, most often because they "
            "have too little memory. Give them more (2 GB for each, and what the model takes); the same "
            "command then goes on from what is finished."
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise InputError(
            "The dask scheduler was lost in mid-run. Start it and its workers again; the same command then "
            "goes on from what is finished."
        ) from error
    except ModuleNotFoundError as error:
        raise InputError(
            f"The workers of the cluster lack the package {error.name}. Install napari-cvdm where the "
            "scheduler and the workers run, in the same version as here."
        ) from error
