"""Which model made a result, as far as result and model say: checks of one model tell little of another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_cvdm.models.errors import printable
from napari_cvdm.models.registry import read_registry

if TYPE_CHECKING:
    from napari_cvdm.models import PretrainedModel

_LONGEST_NAME = 64


@dataclass(frozen=True)
class Maker:
    """The model that made a result. From `maker_of`.

    Attributes
    ----------
    name, sha256 : str or None
        None if that is not known.
    bundled : bool
        Whether it is the model that comes with the package, to the byte. A name alone is no proof: weights of
        an earlier version have it too, and anybody's may.
    finetuned_from : str or None
        Name of the model that it was fine-tuned from; None if it was not, or its card is not at hand.
    """

    name: str | None = None
    sha256: str | None = None
    bundled: bool = False
    finetuned_from: str | None = None


def maker_of(provenance: Mapping[str, Any] | None, model: PretrainedModel | None) -> Maker:
    """Tell which model made a result.

    The provenance, which anybody may have written, comes first: `model` may be another one, with which the
    result is compared. Its card tells of fine-tuning, and it stands in for a result that names no weights:
    one of another program, or a run that is still at work.

    Raises
    ------
    ModelError
        If the registry, which knows the bundled model, is damaged.
    """
    told = (provenance or {}).get("model")
    stated = told if isinstance(told, Mapping) else {}
    name, sha256 = _text(stated.get("name")), _text(stated.get("sha256"))
    if model is not None and sha256 is None and name in (None, model.name):
        name, sha256 = model.name, model.sha256
    start = None
    if model is not None and model.sha256 == sha256:
        before = model.card.training.get("finetuned_from")
        start = _text(before.get("name")) if isinstance(before, Mapping) else None
    bundled = read_registry().find("default")
    return Maker(name, sha256, bundled is not None and sha256 == bundled.sha256, start)


def _text(value: object) -> str | None:
    return printable(value, _LONGEST_NAME) if isinstance(value, str) and value else None
