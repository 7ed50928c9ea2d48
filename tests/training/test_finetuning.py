"""Fine-tuning: it learns, it never sees what is held out, and it goes on where it was interrupted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_cvdm.files.ome_tiff import write_ome_tiff
from napari_cvdm.files.tiff import read_tiff
from napari_cvdm.models import load_model
from napari_cvdm.models.errors import ModelError
from napari_cvdm.models.pretrained import PretrainedModel
from napari_cvdm.training import finetuning
from napari_cvdm.training.config import ConfigError
from napari_cvdm.training.finetuning import FinetuningSettings, finetune
from napari_cvdm.training.recorded import RecordedFields
from napari_cvdm.training.stepping import learning_rate
from napari_cvdm.training.trainer import Trainer

SHORT = FinetuningSettings(steps=8)


class Killed(Exception):
    """Stands for a kill: nothing after it is run."""


def quiet(line: str) -> None:
    """Take a line of the log and do nothing."""


def weights(path: Path) -> dict[str, Tensor]:
    """The averaged and the last weights that a run has left."""
    state = torch.load(path / "checkpoint.pt", weights_only=True)
    return {f"{kind}.{name}": t for kind in ("average", "model") for name, t in state[kind].items()}


def same(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


@pytest.fixture
def kill_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Kill a run in the step of a given number; 0 lets it live."""
    step = Trainer.train_step

    def set_step(number: int) -> None:
        def train_step(self: Trainer, x: Tensor, y: Tensor) -> dict[str, float]:
            if number and self.step == number:
                raise Killed
            return step(self, x, y)

        monkeypatch.setattr(Trainer, "train_step", train_step)

    return set_step


class TestLearning:
    def test_the_loss_falls_and_the_held_out_pair_gains(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What is recorded is less sharp than what the model shows, everywhere alike: that can be learnt.
        monkeypatch.setattr(finetuning, "LEARNING_RATES", (3e-3, 1e-4))
        lines: list[str] = []
        done = finetune(recorded, tmp_path / "out", start, FinetuningSettings(steps=100), log=lines.append)
        assert done.before is not None
        assert done.after is not None
        assert done.after.psnr > done.before.psnr + 1.5
        assert (
            f"better than tiny-start on what was held out: {done.after.psnr - done.before.psnr:+.2f}"
            in (lines[-1])
        )
        log = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
        assert [entry["step"] for entry in log] == [25, 50, 75, 100]
        assert log[-1]["total"] < log[0]["total"] - 0.2
        assert log[-1]["scale"] < log[0]["scale"] - 0.2  # likelihood of the mean network's errors

    def test_the_model_says_what_it_is(self, recorded: Path, start: PretrainedModel, tmp_path: Path) -> None:
        settings = replace(SHORT, name="our-microscope", seed=5)
        done = finetune(recorded, tmp_path / "out", start, settings, log=quiet)
        assert done.path == tmp_path / "out" / "our-microscope.safetensors"
        model = load_model(done.path)
        card = model.card
        assert card.name == model.name == "our-microscope"
        assert card.training["finetuned_from"] == {"name": "tiny-start", "sha256": start.sha256}
        assert (card.training["pairs"], card.training["planes"], card.training["steps"]) == (2, 2, 8)
        assert (card.training["held_out_pairs"], card.training["seed"]) == (1, 5)
        assert card.training["patch"] == 40
        assert card.pixel_size_nm == (60.0, 110.0)  # one pair was recorded with pixels of 110 nm
        assert (card.licence, card.citations) == (start.card.licence, start.card.citations)
        figures = card.metrics["held_out_pairs"]
        assert done.before is not None
        assert done.after is not None
        assert figures["before"] == done.before.to_dict()
        assert figures["after"] == done.after.to_dict()
        assert card.calibration is not None
        assert card.calibration["kind"] == "monotone"
        # What is written is the moving average, in half precision.
        average = {n.removeprefix("average."): t for n, t in weights(tmp_path / "out").items()}
        for name, tensor in model.network.state_dict().items():
            assert torch.equal(tensor, average[name].half().float())

    def test_without_held_out_pairs_nothing_is_measured(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path
    ) -> None:
        lines: list[str] = []
        done = finetune(recorded, tmp_path / "out", start, replace(SHORT, held_out=0), log=lines.append)
        assert (done.before, done.after) == (None, None)
        card = load_model(done.path).card
        assert card.training["pairs"] == 3
        assert card.calibration == start.card.calibration
        assert (card.posterior_shrinkage, card.posterior_scale_weight) == (0.5, 2.0)
        assert card.metrics == {}
        assert "nothing was measured" in lines[-1]

    def test_the_defaults_are_gentle(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[Any] = []
        monkeypatch.setattr(Trainer, "run", lambda self: seen.append(self.config))
        finetune(recorded, tmp_path / "out", start, log=quiet)
        optimiser = seen[0].optimiser
        rates = [learning_rate(step, optimiser) for step in range(optimiser.steps)]
        assert len(rates) == 1000
        assert max(rates) == pytest.approx(1e-4)
        assert rates[-1] == pytest.approx(1e-5, rel=0.01)
        assert (optimiser.batch, optimiser.average, optimiser.clip) == (4, 0.99, 0.5)
        assert optimiser.precision == "float32"


class TestHeldOut:
    def test_held_out_pairs_do_not_touch_the_weights(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trained_on: list[bytes] = []
        make = RecordedFields.__init__

        def record(self: RecordedFields, fields: list[Any], *rest: Any) -> None:
            trained_on.extend(field.x.tobytes() for field in fields)
            make(self, fields, *rest)

        monkeypatch.setattr(RecordedFields, "__init__", record)
        finetune(recorded, tmp_path / "one", start, SHORT, log=quiet)
        assert len(trained_on) == 2
        other = shutil.copytree(recorded, tmp_path / "other")
        for name in ("2_wf", "2_sim"):  # the last in name order: that which is held out
            image = read_tiff(other / f"{name}.tif").data
            write_ome_tiff(other / f"{name}.tif", image[::-1].copy(), "YX", 65.0, overwrite=True)
        finetune(other, tmp_path / "two", start, SHORT, log=quiet)
        assert len(set(trained_on)) == 2
        assert same(tmp_path / "one", tmp_path / "two")
        # While those trained on do.
        image = read_tiff(other / "1_wf.tif").data
        write_ome_tiff(other / "1_wf.tif", np.roll(image, 1, 0), "YX", 65.0, overwrite=True)
        finetune(other, tmp_path / "three", start, SHORT, log=quiet)
        assert not same(tmp_path / "one", tmp_path / "three")

    @pytest.mark.parametrize("held_out", [3, 4, -1])
    def test_some_pair_must_be_left(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path, held_out: int
    ) -> None:
        with pytest.raises(ValueError, match=f"has 3 pairs, so {held_out} cannot be held out"):
            finetune(recorded, tmp_path / "out", start, replace(SHORT, held_out=held_out), log=quiet)

    def test_a_held_out_pair_of_two_fields_is_refused_before_anything_is_trained(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path
    ) -> None:
        other = shutil.copytree(recorded, tmp_path / "other")
        unlike = np.random.default_rng(0).random((80, 80), np.float32)
        write_ome_tiff(other / "2_sim.tif", unlike, "YX", 32.5, overwrite=True)
        with pytest.raises(ValueError, match=r"Pair 2: .* next to nothing in common"):
            finetune(other, tmp_path / "out", start, SHORT, log=quiet)
        assert not (tmp_path / "out").exists()

    def test_both_models_are_judged_on_the_planes_that_the_first_one_is_like(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path
    ) -> None:
        folder = shutil.copytree(recorded, tmp_path / "stack")
        camera, sharp = (read_tiff(folder / f"2_{which}.tif").data for which in ("wf", "sim"))
        unlike = np.random.default_rng(0).random((80, 80), np.float32)
        write_ome_tiff(folder / "2_wf.tif", np.stack([camera] * 3), "ZYX", 65.0, overwrite=True)
        write_ome_tiff(folder / "2_sim.tif", np.stack([sharp, unlike, sharp]), "ZYX", 32.5, overwrite=True)
        lines: list[str] = []
        done = finetune(folder, tmp_path / "out", start, SHORT, log=lines.append)
        assert [line.partition(":")[0] for line in lines if "left out 2" in line] == ["left out 2, plane 2"]
        assert load_model(done.path).card.metrics["held_out_pairs"]["planes"] == 2
        single = finetune(recorded, tmp_path / "single", start, SHORT, log=quiet)
        assert done.before == single.before


class TestReproducible:
    def test_an_interrupted_run_ends_with_the_same_weights(
        self,
        recorded: Path,
        start: PretrainedModel,
        tmp_path: Path,
        kill_at: Callable[[int], None],
    ) -> None:
        settings = FinetuningSettings(steps=60)
        whole = finetune(recorded, tmp_path / "whole", start, settings, log=quiet)
        kill_at(55)
        with pytest.raises(Killed):
            finetune(recorded, tmp_path / "killed", start, settings, log=quiet)
        assert not whole.path.with_name("killed").exists()
        assert not list((tmp_path / "killed").glob("*.safetensors"))
        kill_at(0)
        lines: list[str] = []
        resumed = finetune(recorded, tmp_path / "killed", start, settings, log=lines.append)
        assert lines[0] == "resumed at step 50"
        assert same(tmp_path / "whole", tmp_path / "killed")
        for name, tensor in load_model(whole.path).network.state_dict().items():
            assert torch.equal(load_model(resumed.path).network.state_dict()[name], tensor)
        # And once more: there is nothing left to do but to hand it over again.
        again = finetune(recorded, tmp_path / "killed", start, settings, log=lines.append)
        assert lines.count("resumed at step 60") == 1
        assert again.after == resumed.after == whole.after

    # See test_dataset.py.
    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    def test_workers_change_nothing(self, recorded: Path, start: PretrainedModel, tmp_path: Path) -> None:
        settings = replace(SHORT, held_out=0)
        for workers in (0, 1):
            finetune(recorded, tmp_path / str(workers), start, settings, workers=workers, log=quiet)
        assert same(tmp_path / "0", tmp_path / "1")

    def test_another_seed_gives_other_weights(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path
    ) -> None:
        for seed in (0, 1):
            settings = replace(SHORT, held_out=0, seed=seed)
            finetune(recorded, tmp_path / str(seed), start, settings, log=quiet)
        assert not same(tmp_path / "0", tmp_path / "1")


class TestNothingIsOverwritten:
    def test_the_folder_of_another_run_is_refused_unless_told_to_start_fresh(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        finetune(recorded, out, start, SHORT, log=quiet)
        before = weights(out)
        others = shutil.copytree(recorded, tmp_path / "others")
        write_ome_tiff(others / "0_wf.tif", read_tiff(others / "1_wf.tif").data, "YX", 65.0, overwrite=True)
        for folder, settings, changed in (
            (recorded, replace(SHORT, steps=9), "--steps"),
            (recorded, replace(SHORT, seed=1), "--seed"),
            (recorded, replace(SHORT, held_out=0), "pair .*"),
            (recorded, replace(SHORT, name="another"), "--name"),
            (others, SHORT, "pair 0"),
        ):
            with pytest.raises(
                ConfigError, match=rf"made with another configuration \({changed}\); choose another output"
            ):
                finetune(folder, out, start, settings, log=quiet)
        after = weights(out)
        assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
        lines: list[str] = []
        finetune(recorded, out, start, replace(SHORT, seed=1), fresh=True, log=lines.append)
        assert not any("resumed" in line for line in lines)
        assert len((out / "log.jsonl").read_text().splitlines()) == 1

    def test_weights_of_unknown_origin_are_refused(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path
    ) -> None:
        (tmp_path / "new.safetensors").write_bytes(b"precious")
        with pytest.raises(ConfigError, match=r"new\.safetensors exists"):
            finetune(recorded, tmp_path, start, replace(SHORT, name="new"), log=quiet)
        assert (tmp_path / "new.safetensors").read_bytes() == b"precious"
        assert start.path is not None
        renamed = shutil.copy(start.path, tmp_path / "new.safetensors")
        with pytest.raises(ConfigError, match="is the model to start from"):
            finetune(
                recorded,
                tmp_path,
                replace(start, path=renamed),
                replace(SHORT, name="new"),
                fresh=True,
                log=quiet,
            )


class TestRefusals:
    @pytest.mark.parametrize("name", ["tiny-start", "default", "fluorescence-x2"])
    def test_names_that_are_taken(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path, name: str
    ) -> None:
        with pytest.raises(ConfigError, match="name of a model that exists"):
            finetune(recorded, tmp_path / "out", start, replace(SHORT, name=name), log=quiet)

    def test_names_that_cannot_be(self, recorded: Path, start: PretrainedModel, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="cannot be a model name"):
            finetune(recorded, tmp_path / "out", start, replace(SHORT, name="../up"), log=quiet)

    def test_the_published_networks(self, recorded: Path, start: PretrainedModel, tmp_path: Path) -> None:
        published: Any = SimpleNamespace(name="lab", network=torch.nn.Identity())
        with pytest.raises(ConfigError, match="lab is of the published implementation, which cannot be"):
            finetune(recorded, tmp_path / "out", published, SHORT, log=quiet)

    def test_input_is_checked_before_anything_is_written(
        self, recorded: Path, start: PretrainedModel, tmp_path: Path
    ) -> None:
        bad = shutil.copytree(recorded, tmp_path / "bad")
        (bad / "3_wf.tif").write_bytes(b"alone")
        lines: list[str] = []
        for name, image, words in (
            ("2_sim", np.full((80, 80), 3.0, np.float32), "Pair 2, sharp image: The image is constant"),
            ("1_sim", np.eye(78, dtype=np.float32), "Pair 1: the sharp image has 78 × 78 pixels"),
        ):
            write_ome_tiff(bad / f"{name}.tif", image, "YX", 32.5, overwrite=True)
            with pytest.raises(ValueError, match=words):
                finetune(bad, tmp_path / "out", start, SHORT, log=lines.append)
        assert not (tmp_path / "out").exists()
        assert lines[0] == "left out, for want of a counterpart: 3_wf.tif"
