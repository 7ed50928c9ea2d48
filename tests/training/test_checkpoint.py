"""Checkpoints: whole or not there, and of the run that is to go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from napari_cvdm.training.checkpoint import changed_settings, read_checkpoint, write_checkpoint
from napari_cvdm.training.config import ConfigError, TrainingConfig

MakeConfig = Callable[..., TrainingConfig]


@pytest.fixture
def checkpoint(tmp_path: Path, make_config: MakeConfig) -> Path:
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, {"config": json.dumps(make_config().to_dict()), "weights": torch.arange(1000.0)})
    return path


class TestFile:
    def test_it_survives(self, checkpoint: Path, make_config: MakeConfig) -> None:
        state = read_checkpoint(checkpoint, make_config(), {})
        assert torch.equal(state["weights"], torch.arange(1000.0))
        assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint.pt"]

    @pytest.mark.parametrize("left", [0, 100, 2000])
    def test_a_file_cut_short_says_so(self, checkpoint: Path, make_config: MakeConfig, left: int) -> None:
        checkpoint.write_bytes(checkpoint.read_bytes()[:left])
        with pytest.raises(ConfigError, match=r"checkpoint\.pt is damaged: start fresh"):
            read_checkpoint(checkpoint, make_config(), {})

    @pytest.mark.parametrize("content", [{"weights": 1}, {"config": 3}, [1], torch.ones(3)])
    def test_so_does_a_file_of_something_else(
        self, checkpoint: Path, make_config: MakeConfig, content: object
    ) -> None:
        torch.save(content, checkpoint)
        with pytest.raises(ConfigError, match="is damaged"):
            read_checkpoint(checkpoint, make_config(), {})

    def test_so_does_a_damaged_pickle(
        self, checkpoint: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def load(*_: object, **__: object) -> None:
            raise IndexError("pop from empty list")  # as torch does of some

        monkeypatch.setattr(torch, "load", load)
        with pytest.raises(ConfigError, match="is damaged"):
            read_checkpoint(checkpoint, make_config(), {})

    def test_another_configuration_is_refused(self, checkpoint: Path, make_config: MakeConfig) -> None:
        with pytest.raises(
            ConfigError, match=r"made with another configuration \(data\.empty_share, seed\); .*--fresh"
        ):
            read_checkpoint(checkpoint, make_config(seed=99, data={"empty_share": 0.3}), {})

    def test_other_models_to_learn_from_are_refused(self, tmp_path: Path, make_config: MakeConfig) -> None:
        path = tmp_path / "checkpoint.pt"
        begun = {"first.safetensors": "first, sha256 1", "teacher.safetensors": "teacher, sha256 2"}
        write_checkpoint(path, {"config": json.dumps(make_config().to_dict()), "earlier": begun})
        assert (
            read_checkpoint(path, make_config(), {"first.safetensors": "first, sha256 1"})["earlier"] == begun
        )
        with pytest.raises(
            ConfigError, match=r"another teacher\.safetensors \(teacher, sha256 2\): put that"
        ):
            read_checkpoint(path, make_config(), {"teacher.safetensors": "teacher, sha256 3"})

    def test_a_run_that_did_not_note_its_models_goes_on(
        self, checkpoint: Path, make_config: MakeConfig
    ) -> None:
        """As those begun with an earlier version."""
        found = {"first.safetensors": "first, sha256 1"}
        assert read_checkpoint(checkpoint, make_config(), found)["earlier"] == found

    def test_a_full_disk_leaves_the_last_one_if_there_is_one(
        self, checkpoint: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match=r"\(No space left on device\): make room.*goes on from it\.$"):
            write_checkpoint(checkpoint, {})
        with pytest.raises(OSError, match=r"make room, or choose another output folder\.$"):
            write_checkpoint(checkpoint.with_name("first.pt"), {})
        monkeypatch.undo()
        assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint.pt"]
        assert "weights" in read_checkpoint(checkpoint, make_config(), {})


class TestChangedSettings:
    def test_more_cycles_continue_and_other_or_fewer_do_not(self, make_config: MakeConfig) -> None:
        def stored(*cycles: int) -> str:
            return json.dumps(make_config(optimiser={"cycles": list(cycles)}).to_dict())

        config = make_config(optimiser={"cycles": [6, 4]})
        assert not changed_settings(stored(6, 4), config)
        assert not changed_settings(stored(6), config)
        assert changed_settings(stored(6, 4, 2), config) == ["optimiser.cycles"]
        assert changed_settings(stored(5), config)
        assert changed_settings(stored(4, 6), config)

    def test_when_to_save_and_validate_may_change(self, make_config: MakeConfig) -> None:
        stored = json.dumps(make_config(schedule={"validate_every": 3}).to_dict())
        assert not changed_settings(stored, make_config(schedule={"validate_every": 5, "sampling_steps": 9}))

    def test_a_setting_unknown_to_the_checkpoint_counts_as_its_default(self, make_config: MakeConfig) -> None:
        """Runs begun with an earlier version go on."""
        old = make_config().to_dict()
        del old["data"]["empty_share"], old["start_from"], old["acquisition"]
        assert not changed_settings(json.dumps(old), make_config())
        assert changed_settings(json.dumps(old), make_config(acquisition={"haze": [0.0, 0.123]})) == [
            "acquisition.haze"
        ]
