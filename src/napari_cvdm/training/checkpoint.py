"""The file from which a killed training run goes on: written whole, read with care."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from napari_cvdm.files.whole_file import whole_file
from napari_cvdm.training.config import ConfigError, TrainingConfig


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint; a kill or a power cut at any moment leaves the old one or the new one, whole.

    Parameters
    ----------
    path : Path
        The file.
    state : mapping
        Tensors and plain values.

    Raises
    ------
    OSError
        If it cannot be written; what was begun is removed.
    """
    try:
        with whole_file(path) as file:
            torch.save(dict(state), file)
    except (OSError, RuntimeError) as error:  # torch has its own words for a full disk
        raise OSError(
            f"The checkpoint {path} cannot be written ({' '.join(str(error).split())[:200]}): make room, or "
            "choose another output folder; the last checkpoint is whole, and training goes on from it."
        ) from error


def read_checkpoint(path: Path, config: TrainingConfig) -> dict[str, Any]:
    """Read the checkpoint of a run, if it is one of this configuration.

    Parameters
    ----------
    path : Path
        The file.
    config : TrainingConfig
        The run that is to go on.

    Raises
    ------
    ConfigError
        If the file is damaged, or belongs to a different configuration; one with fewer cycles is continued.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        continues = is_continuation(state["config"], config)
    except (EOFError, RuntimeError, pickle.UnpicklingError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path} is damaged: start fresh (--fresh), or choose another output folder"
        ) from error
    if not continues:
        raise ConfigError(
            f"{path} was made with another configuration; choose another output folder or start fresh"
        )
    return state


def is_continuation(made_with: str, config: TrainingConfig) -> bool:
    """Whether a checkpoint's configuration (JSON) is this one, or this one without its last cycles.

    What does not change the weights in training may differ: when to save and to validate, and what matters
    only when they are exported. A setting that did not exist yet counts as its default, which is how the run
    went on without it.
    """
    old, new = json.loads(made_with), json.loads(json.dumps(config.to_dict()))
    plain = json.loads(json.dumps(type(config)(config.name).to_dict()))
    old = plain | {
        key: plain[key] | value if isinstance(value, dict) and isinstance(plain.get(key), dict) else value
        for key, value in old.items()
    }
    for settings in (old, new):
        settings.pop("start_share", None)
        settings.pop("schedule", None)
    before, now = old["optimiser"].pop("cycles"), new["optimiser"].pop("cycles")
    return bool(old == new and now[: len(before)] == before)
