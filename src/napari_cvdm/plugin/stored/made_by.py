"""The very model that made a result, found again by what the result says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from napari_cvdm.plugin.stored.download_checkpoint import DownloadCheckpoint
from napari_cvdm.plugin.stored.stated import table
from napari_cvdm.plugin.viewer.torch_loading import load_torch
from napari_cvdm.restoration.errors import InputError

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel


class ModelGone(InputError):
    """The model that made a result cannot be had.

    Attributes
    ----------
    reason : str
        Why: part of a sentence, which can follow a colon.
    """

    def __init__(self, reason: str, remedy: str = "restore again") -> None:
        super().__init__(f"{reason[:1].upper()}{reason[1:]}: {remedy}.")
        self.reason = reason


def model_that_made(provenance: Mapping[str, Any], checkpoint: Callable[[], None]) -> PretrainedModel:
    """Load the model that made a result; in a worker, because it may take a while, and even a download.

    It is looked for by the hash of its weights among the models that are known, by the name in its card,
    and where the run took it from, which for a file of one's own is a path.

    ``checkpoint`` is called now and then, with every piece of a download too; what it raises ends the search.
    A run at work does not state a hash yet.

    Raises
    ------
    ModelGone
        If it is not here, or only another version of it.
    """
    stated = table(provenance.get("model"))
    name, sha256 = stated.get("name"), stated.get("sha256")
    at_work = provenance.get("finished") is False
    if not name or not (sha256 or at_work):
        raise ModelGone("the result does not say which model made it")
    load_torch()
    checkpoint()
    from napari_cvdm import load_model
    from napari_cvdm.models import ModelError

    hashes = _known_hashes()
    candidates = [known for known, found in hashes.items() if found == sha256]
    named = (name, table(provenance.get("asked")).get("model"))
    candidates += [each for each in named if isinstance(each, str) and _may_be_tried(each)]
    differing = False
    for candidate in dict.fromkeys(candidates):
        if sha256 and hashes.get(candidate, sha256) != sha256:  # known to be another: not even fetched
            differing = True
            continue
        try:
            model = load_model(candidate, progress=DownloadCheckpoint(checkpoint))
        except ModelError:
            continue
        checkpoint()
        if not sha256 or model.sha256 == sha256:
            return model
        differing = True
    if differing:
        raise ModelGone(
            f"the model '{name}' here is not the one this result was made with",
            "install that version, or restore again",
        )
    raise ModelGone(
        f"the model '{name}' that made this result is not here any more", "add it again, or restore again"
    )


def _known_hashes() -> dict[str, str]:
    """Return the hash of each model that is known by name; nothing is read of the weights."""
    from napari_cvdm.models import ModelError, list_models

    try:
        listed = list_models()
    except ModelError:  # a damaged list: names and paths are left
        return {}
    hashes = {model.name: model.entry.sha256 for model in listed}
    hashes.update(("default", model.entry.sha256) for model in listed if model.is_default)
    return hashes


def _may_be_tried(candidate: str) -> bool:
    """Whether a name or a path leads to this computer, or to what is published under that name.

    Anybody may have written the file that a result comes from: it must not make the program turn to another
    machine. A model that was once fetched from an address is known by its hash.
    """
    from napari_cvdm.models.addresses import is_address

    # Windows takes a name that begins with two strokes, whichever way they lean, for that of another machine.
    return bool(candidate) and not is_address(candidate) and not candidate.replace("\\", "/").startswith("//")
