"""From a DOI to the address and the checksum of a model file, by asking the repository that keeps it.

pooch knows how to ask Zenodo, figshare and every Dataverse.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING

from napari_cvdm.models.addresses import DOI, MODEL_ENDINGS
from napari_cvdm.models.answering import answer_in_time
from napari_cvdm.models.transfer import (
    CHUNK_BYTES,
    TIMEOUT_SECONDS,
    TransferError,
    explain,
    guard_redirects,
)

if TYPE_CHECKING:
    import requests

LARGEST_ANSWER = 2**25
"""No page or list of files is larger, in bytes."""

LONGEST_SECONDS = 60.0
"""No question takes longer to be answered, all redirects and lists of files counted."""


def resolve_doi(doi: DOI, alive: Callable[[], object] | None = None) -> tuple[str, str | None]:
    """Find where a file with a DOI can be downloaded.

    `alive` is called every tenth of a second until there is an answer; what it raises ends the wait.

    Returns
    -------
    url : str
        The address; not checked yet.
    checksum : str or None
        As the repository states it, such as ``md5:...``.

    Raises
    ------
    TransferError
        If there is no such DOI or file, or the repository cannot be asked.
    """
    import requests
    import urllib3

    overdue = TransferError("the repository's answer does not end")
    try:
        with warnings.catch_warnings():  # here: filters that the other thread sets might outlast the wait
            warnings.simplefilter("ignore", UserWarning)  # figshare without a version: then it is the newest
            return answer_in_time(partial(_ask, doi), LONGEST_SECONDS, overdue, alive)
    except requests.exceptions.JSONDecodeError as error:
        raise TransferError("the repository's answer makes no sense", passing=True) from error
    except (OSError, urllib3.exceptions.HTTPError) as error:  # all of requests' own are the former
        raise explain(error) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        if "Invalid data repository" in str(error):
            raise TransferError(
                "the record is in a repository that cannot be asked (Zenodo, figshare and Dataverse can)"
            ) from error
        raise TransferError("the repository's answer makes no sense") from error


def _ask(doi: DOI) -> tuple[str, str | None]:
    from pooch import downloaders  # type: ignore[import-untyped]

    repository = downloaders.doi_to_repository(
        doi.doi,
        timeout=TIMEOUT_SECONDS,
        stream=True,  # read here, and not beyond a limit
        headers={"Accept-Encoding": "identity"},
        hooks={"response": [guard_redirects, _read]},
    )
    found = SimpleNamespace(registry={})  # what pooch fills: names of the record's files, a checksum of each
    repository.populate_registry(found)
    file = doi.file or _only_model(list(found.registry))
    if file not in found.registry:
        raise TransferError(f"the record has no file {file!r}")
    return str(repository.download_url(file)), found.registry[file]


def _read(response: requests.Response, *_: object, **__: object) -> None:
    """Read an answer within limits: a hook for requests. The page of a record may be anybody's."""
    if response.is_redirect:
        return
    answer, started = bytearray(), time.monotonic()
    while chunk := response.raw.read1(CHUNK_BYTES):
        answer += chunk
        if len(answer) > LARGEST_ANSWER or time.monotonic() - started > LONGEST_SECONDS:
            response.raw.close()
            raise TransferError("the repository's answer does not end")
    response.raw = BytesIO(answer)


def _only_model(files: list[str]) -> str:
    models = [file for file in files if file.lower().endswith(MODEL_ENDINGS)]
    if len(models) == 1:
        return models[0]
    if not models:
        raise TransferError("the record has no model file")
    listed = ", ".join("".join(c for c in file[:60] if c.isprintable()) for file in models[:8])
    raise TransferError(f"the record has several models, add /NAME to the DOI: {listed}")
