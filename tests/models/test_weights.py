from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.models import ModelCard, ModelError, save_model
from napari_cvdm.models.weights import METADATA_KEY, read_model

MakeCard = Callable[..., ModelCard]


def rewrite(path: Path, *, card: dict[str, Any] | None = None, **changes: torch.Tensor | None) -> None:
    """Change a model file behind the back of `save_model`; a tensor of None is dropped."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        values = json.loads(file.metadata()[METADATA_KEY])
    state = load_file(path)
    for name, tensor in changes.items():
        key = name.replace("__", ".")
        if tensor is None:
            del state[key]
        else:
            state[key] = tensor
    save_file(state, path, metadata={METADATA_KEY: json.dumps({**values, **(card or {})})})


def refusal(path: Path) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(ModelError) as caught:
        read_model(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < 600
    return message


def test_a_saved_model_computes_the_same_after_reading(weights: Path, network: CVDM) -> None:
    model = read_model(weights)
    x = torch.rand(1, 1, 16, 12)
    with torch.inference_mode():
        for before, after in zip(network.eval().estimate(x), model.network.estimate(x), strict=True):
            torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert model.name == "tiny"
    assert model.upscaling == 2
    assert model.path == weights
    assert model.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


def test_reading_leaves_the_random_numbers_of_the_caller_alone(weights: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    read_model(weights)
    torch.testing.assert_close(torch.rand(4), expected, rtol=0, atol=0)


def test_saving_twice_gives_the_same_bytes(tmp_path: Path, network: CVDM, make_card: MakeCard) -> None:
    one = save_model(tmp_path / "one.safetensors", network, make_card())
    other = save_model(tmp_path / "other.safetensors", network, make_card())
    assert one.read_bytes() == other.read_bytes()


def test_half_precision_halves_the_file_and_is_read_as_float32(
    tmp_path: Path, weights: Path, network: CVDM, make_card: MakeCard
) -> None:
    half = save_model(tmp_path / "half.safetensors", network, make_card(), half=True)
    header = 8 + int.from_bytes(half.read_bytes()[:8], "little")
    full_header = 8 + int.from_bytes(weights.read_bytes()[:8], "little")
    assert (half.stat().st_size - header) * 2 == weights.stat().st_size - full_header
    for name, tensor in read_model(half).network.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, network.state_dict()[name], rtol=1e-3, atol=1e-6)


def test_saving_replaces_a_file_whole_and_leaves_nothing_beside_it(
    tmp_path: Path, network: CVDM, make_card: MakeCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"the earlier model")

    def interrupt(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            save_model(path, network, make_card())
    assert path.read_bytes() == b"the earlier model"
    assert list(tmp_path.iterdir()) == [path]
    save_model(path, network, make_card())
    assert read_model(path).name == "tiny"
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_of_an_earlier_version_can_be_saved_again(
    tmp_path: Path, network: CVDM, make_card: MakeCard
) -> None:
    # The bundled card, for one, was written when blocks could not be normalised.
    earlier = {k: v for k, v in network.config.to_dict().items() if k != "normalised"}
    first = read_model(save_model(tmp_path / "x.safetensors", network, make_card(architecture=earlier)))
    assert first.card.architecture == earlier
    again = read_model(save_model(tmp_path / "y.safetensors", first.network, first.card))
    assert again.sha256 == first.sha256


def test_a_card_of_another_network_is_not_saved(tmp_path: Path, network: CVDM, make_card: MakeCard) -> None:
    wrong = {**network.config.to_dict(), "rate_width": 8}
    with pytest.raises(ModelError, match="another architecture"):
        save_model(tmp_path / "x.safetensors", network, make_card(architecture=wrong))
    with pytest.raises(ModelError, match="another architecture"):
        save_model(tmp_path / "x.safetensors", network, make_card(upscaling=3))
    assert not any(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_not_saved(
    tmp_path: Path, network: CVDM, make_card: MakeCard
) -> None:
    with torch.no_grad():
        network.mean_network.head.bias[0] = 1e6  # finite in float32, infinite in half precision
    save_model(tmp_path / "full.safetensors", network, make_card())
    with pytest.raises(ModelError, match=r"not finite numbers.*mean_network\.head\.bias"):
        save_model(tmp_path / "half.safetensors", network, make_card(), half=True)


def test_another_hash_than_expected_is_refused(weights: Path) -> None:
    right = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert read_model(weights, sha256=right.upper()).sha256 == right
    with pytest.raises(ModelError, match="64 hexadecimal digits"):
        read_model(weights, sha256=right[:12])
    with pytest.raises(ModelError, match="is not the expected file"):
        read_model(weights, sha256="0" * 64)


def test_missing_and_extra_tensors_are_named(weights: Path) -> None:
    original = weights.read_bytes()
    rewrite(weights, mean_network__head__bias=None)
    assert "lacks 1 of the network's" in refusal(weights)
    assert "'mean_network.head.bias'" in refusal(weights)
    weights.write_bytes(original)
    rewrite(weights, stowaway=torch.zeros(3))
    assert "1 tensors that the network does not have, such as 'stowaway'" in refusal(weights)


def test_a_tensor_of_another_shape_is_named(weights: Path) -> None:
    rewrite(weights, mean_network__head__bias=torch.zeros(5))
    assert "'mean_network.head.bias' has the shape (5,); the network needs (4,)" in refusal(weights)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(weights: Path, value: float) -> None:
    rewrite(weights, mean_network__head__bias=torch.tensor([0.0, value, 0.0, 0.0]))
    assert "not finite numbers (NaN or infinity), in 'mean_network.head.bias'" in refusal(weights)


def test_weights_of_whole_numbers_are_refused(weights: Path) -> None:
    rewrite(weights, mean_network__head__bias=torch.zeros(4, dtype=torch.int64))
    assert "holds numbers of the type 'I64'" in refusal(weights)


def test_finite_weights_that_compute_nonsense_are_refused(weights: Path, network: CVDM) -> None:
    architecture = {**network.config.to_dict(), "scale_floor": 0.0}
    rewrite(
        weights,
        card={"architecture": architecture},
        scale_head__2__bias=torch.full((4,), -1e30),
    )
    assert "no finite picture" in refusal(weights)


@pytest.mark.parametrize(
    ("names", "value"),
    [
        (["noise_network.head.bias"], 1e38),
        (["clock.linear", "clock.logarithmic", "clock.weights"], -1e30),
    ],
)
def test_networks_that_only_draws_need_are_tried_as_well(
    weights: Path, network: CVDM, names: list[str], value: float
) -> None:
    """Finite weights, as of a flipped exponent bit, with which every draw is NaN."""
    state = network.state_dict()
    rewrite(weights, **{name.replace(".", "__"): torch.full_like(state[name], value) for name in names})
    assert "no finite picture" in refusal(weights)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"mean_widths": [10**9, 8]}, "'mean_widths' is beyond anything"),
        ({"mean_widths": [4] * 9, "mean_blocks": [1] * 9}, "'mean_widths' is beyond anything"),
        ({"noise_blocks": [2000, 2000, 2000, 2000, 2000]}, "'noise_blocks' is beyond anything"),
        ({"scale_width": float("nan")}, "model card is not valid JSON"),
        ({"scale_width": 10**400}, "'scale_width' is beyond anything"),
        ({"rate_width": -1}, "'rate_width' is beyond anything"),
        ({"mean_widths": {"a": 1}}, "'mean_widths' is beyond anything"),
        ({"clock_units": "many"}, "'clock_units' is beyond anything"),
        ({"mean_blocks": [1]}, "architecture in its model card cannot be built"),
        ({"mean_widths": 4}, "architecture in its model card cannot be built"),
        ({"mean_widths": [4.5, 8]}, "architecture in its model card cannot be built"),
        ({"rate_floor": 9.0}, "architecture in its model card cannot be built"),
        ({"attention": 1}, "unknown architecture settings: attention"),
        ({"upscaling": 3}, "contradicts itself"),
        ({"mean_widths": [2048, 2048]}, "has the shape"),
    ],
)
def test_absurd_architectures_are_refused(
    weights: Path, network: CVDM, architecture: dict[str, Any], message: str
) -> None:
    rewrite(weights, card={"architecture": {**network.config.to_dict(), **architecture}})
    assert message in refusal(weights)


def test_a_huge_architecture_is_refused_without_memory_for_it(weights: Path, network: CVDM) -> None:
    widths = {"mean_widths": [2048] * 4, "mean_blocks": [100, 100, 1, 1]}  # 120 gigabytes of weights
    rewrite(weights, card={"architecture": {**network.config.to_dict(), **widths}})
    program = f"""
import resource, sys, torch
from napari_cvdm.models import ModelError, load_model
resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, 12 * 2**30))
try:
    load_model({str(weights)!r})
except ModelError as error:
    sys.exit(0 if "tensors" in str(error) else str(error))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_an_unknown_format_version_is_refused(weights: Path) -> None:
    rewrite(weights, card={"format_version": 99})
    assert "format 99" in refusal(weights)
    assert "update napari-cvdm" in refusal(weights)


def test_weights_without_a_card_are_refused(weights: Path) -> None:
    save_file(load_file(weights), weights)
    assert "no napari-cvdm model card" in refusal(weights)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "There is no model file" in refusal(tmp_path / "absent.safetensors")
    assert "There is no model file" in refusal(tmp_path)


@pytest.fixture
def reference_weights(tmp_path: Path) -> Path:
    """A model of the authors' published architecture."""
    from napari_cvdm.reference.config import ReferenceConfig
    from napari_cvdm.reference.model import ReferenceCVDM

    torch.manual_seed(0)
    config = ReferenceConfig(
        noise_kind="unet",
        in_channels=1,
        out_channels=1,
        noise_widths=(2,),
        schedule_width=2,
        mean_width=2,
        time_units=16,
    )
    card = ModelCard("theirs", "A test.", config.to_dict(), upscaling=1, default_steps=200)
    return save_model(tmp_path / "theirs.safetensors", ReferenceCVDM(config), card)


def test_a_device_and_a_type_that_the_callers_program_prefers_do_not_matter(
    reference_weights: Path, weights: Path
) -> None:
    for path in (reference_weights, weights):
        try:
            torch.set_default_device("meta")
            torch.set_default_dtype(torch.float64)
            network = read_model(path).network
        finally:
            torch.set_default_device(None)
            torch.set_default_dtype(torch.float32)
        assert {(each.device.type, each.dtype) for each in network.state_dict().values()} == {
            ("cpu", torch.float32)
        }


def test_the_kind_of_the_architecture_decides_on_the_network(reference_weights: Path, weights: Path) -> None:
    theirs, ours = read_model(reference_weights), read_model(weights)
    assert type(theirs.network).__name__ == "ReferenceCVDM"
    assert type(ours.network) is CVDM
    assert (theirs.tiles_exact, ours.tiles_exact) == (False, True)
    assert not any(parameter.requires_grad for parameter in theirs.network.parameters())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "cvdm-of-tomorrow"}, "of a kind that this version does not know ('cvdm-of-tomorrow')"),
        ({"schedule_width": 10**9}, "'schedule_width' must be a whole number"),
        ({"noise_widths": [64, 64]}, "one number in 'noise_widths'"),
        ({"training_size": None}, "'training_size' must be"),
        ({"layers": ["Lambda"]}, "unknown architecture settings: layers"),
        ({"noise_kind": "sr3", "stem": 1024, "noise_blocks": 8, "noise_widths": [4096] * 8}, "lacks"),
        ({"schedule_width": 4}, "has the shape"),
        ({"upscaling": 2}, "contradicts itself"),
        ({"noise_kind": "sr3", "stem": 33, "noise_blocks": 1, "noise_widths": [33]}, "cannot be put into 32"),
    ],
)
def test_absurd_architectures_of_the_authors_kind_are_refused(
    reference_weights: Path, changes: dict[str, Any], message: str
) -> None:
    architecture = {**read_model(reference_weights).card.architecture, **changes}
    rewrite(reference_weights, card={"architecture": architecture})
    assert message in refusal(reference_weights)


def test_missing_tensors_of_the_authors_kind_are_named(reference_weights: Path) -> None:
    rewrite(reference_weights, mean_network__in_conv__bias=None)
    assert "lacks 1 of the network's" in refusal(reference_weights)
    assert "'mean_network.in_conv.bias'" in refusal(reference_weights)


def test_reading_weights_and_restoring_load_nothing_of_torchs_compiler() -> None:
    program = """
import sys
import numpy as np
from napari_cvdm import load_model, restore
restore(np.eye(32, dtype=np.float32), load_model("default"), draws=1, steps=1, device="cpu")
print(sorted({"sympy", "torch._dynamo"} & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
