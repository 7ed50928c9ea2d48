"""The file from which a killed training run goes on: written whole, read with care."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from napari_cvdm.files.whole_file import whole_file
from napari_cvdm.training.config import ConfigError, TrainingConfig


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write tensors and plain values; a kill or a power cut at any moment leaves the old or the new file.

    Raises
    ------
    OSError
        If it cannot be written; what was begun is removed.
    """
    content = io.BytesIO()  # of a full disk torch has its own words, which nobody understands
    torch.save(dict(state), content)
    try:
        with whole_file(path) as file:
            file.write(content.getbuffer())
    except OSError as error:
        kept = "; the last checkpoint is whole, and training goes on from it" if path.exists() else ""
        raise OSError(
            f"The checkpoint {path} cannot be written ({error.strerror or error}): make room, or choose "
            f"another output folder{kept}."
        ) from error


def read_checkpoint(path: Path, config: TrainingConfig, earlier: Mapping[str, str]) -> dict[str, Any]:
    """Read the checkpoint of a run, if it is one of this configuration.

    Parameters
    ----------
    path : Path
        The file.
    config : TrainingConfig
        How the run is to go on.
    earlier : mapping
        The models that it is to learn from, by their names in the configuration. What is returned has all
        that the run ever read.

    Raises
    ------
    ConfigError
        If the file is damaged, or belongs to a different configuration or other models; one with fewer cycles
        is continued.
    """
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(f"{type(state).__name__} in place of a table")
        changed = changed_settings(state["config"], config)
        kinds = list(config.data.kinds)
        if state.get("kinds", kinds) != kinds:  # in another order, the same seed draws others
            changed.append("data.kinds")
        state["earlier"] = dict(earlier) | state.get("earlier", {})
    except (
        EOFError,
        RuntimeError,
        pickle.UnpicklingError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        raise ConfigError(
            f"{path} is damaged: start fresh (--fresh), or choose another output folder"
        ) from error
    if changed:
        names = ", ".join(dict.fromkeys(map(config.called, changed)))
        raise ConfigError(
            f"{path} was made with another configuration ({names}); choose another output "
            "folder, or start fresh (--fresh)"
        )
    for name, model in earlier.items():
        if state["earlier"][name] != model:
            raise ConfigError(
                f"{path} is of a run that learned from another {name} ({state['earlier'][name]}): put that "
                "back, or start fresh (--fresh)"
            )
    found: dict[str, Any] = state
    return found


def changed_settings(made_with: str, config: TrainingConfig) -> list[str]:
    """Name the settings, such as "optimiser.batch", that keep a run from going on with another configuration.

    When to save and to validate may differ. A setting that did not exist yet counts as its default, which
    is how the run went on without it. Cycles may be added. `made_with` is the configuration of a checkpoint,
    as JSON.
    """
    plain, new = (
        _flat(json.loads(json.dumps(each.to_dict()))) for each in (type(config)(config.name), config)
    )
    old = plain | _flat(json.loads(made_with))
    before, now = old.pop("optimiser.cycles"), new.pop("optimiser.cycles")
    names = [
        name
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name) and not name.startswith("schedule.")
    ]
    return names if now[: len(before)] == before else [*names, "optimiser.cycles"]


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Name the settings of each table "table.setting"."""
    flat: dict[str, Any] = {}
    for name, held in settings.items():
        if isinstance(held, dict):
            flat |= {f"{name}.{key}": value for key, value in held.items()}
        else:
            flat[name] = held
    return flat
