"""The shipped model on a real NVIDIA GPU. With -s, these tests also say what they measure there."""

from __future__ import annotations

import copy
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from napari_cvdm.models import PretrainedModel, load_model
from napari_cvdm.reference.recognition import read_keras
from napari_cvdm.restoration import execution, plane
from napari_cvdm.restoration.blended import BlendedRestorer
from napari_cvdm.restoration.device import GPU_MEMORY_SHARE, LIVE_FEATURE_MAPS
from napari_cvdm.restoration.errors import DeviceError
from napari_cvdm.restoration.execution import HALF, HALF_BUT_OUTGROWN, SINGLE, Precision, plain_inference
from napari_cvdm.restoration.lazy import restore_lazy
from napari_cvdm.restoration.noise import GPU_CHUNK, gaussian_field
from napari_cvdm.restoration.posterior import PosteriorSettings
from napari_cvdm.restoration.restore import restore, restore_events
from napari_cvdm.restoration.result import Restoration
from napari_cvdm.restoration.schedule_map import schedule_map

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU; CI has none")

DATA = Path(__file__).parents[1] / "data"
WANTED: dict[str, Any] = {"draws": 2, "steps": 4, "seed": 3}
#: Largest difference of a pixel, as a share of the range of the mean: of the order in which numbers are added
#: up, and of the 11 bits of mantissa in half precision.
ROUNDING = {SINGLE: 1e-4, HALF: 5e-4}
#: Bytes that may stay or go unnoticed: the libraries keep some memory of their own.
LITTLE = 2**20

Image = NDArray[np.float32]


@pytest.fixture(scope="module")
def shipped() -> PretrainedModel:
    return load_model()


@pytest.fixture(scope="module")
def micrograph() -> Image:
    """Two real wide-field images side by side, 96 × 192 pixels: wider than the networks see."""
    images = [tifffile.imread(DATA / f"{name}_wf.tif").astype(np.float32) for name in ("tubulin", "actin")]
    return np.hstack([(image - image.min()) / np.ptp(image) for image in images])


@pytest.fixture(scope="module")
def on_cpu(shipped: PretrainedModel, micrograph: Image) -> Restoration:
    return restore(micrograph, shipped, device="cpu", **WANTED)


def in_single_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    class Single(Precision):
        def __init__(self, device: torch.device) -> None:
            super().__init__(device)
            self.half = False

    monkeypatch.setattr(plane, "Precision", Single)


@pytest.fixture(params=[HALF, SINGLE], ids=["half", "single"])
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The two number formats of the noise network; half precision only where there are tensor cores."""
    name = str(request.param)
    if name == SINGLE:
        in_single_precision(monkeypatch)
    elif not Precision(torch.device("cuda")).half:
        pytest.skip("this GPU has no tensor cores")
    return name


@pytest.fixture
def limit_memory() -> Iterator[Callable[[float], None]]:
    """Let this process take so many bytes of the GPU and no more."""

    def limit(size: float) -> None:
        torch.cuda.empty_cache()
        share = size / torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, share))

    yield limit
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def allocated() -> int:
    gc.collect()
    torch.cuda.synchronize()
    return torch.cuda.memory_allocated()


def assert_same(one: Restoration, other: Restoration, tolerance: float, what: str) -> None:
    """Compare mean and standard deviation at every pixel, as shares of the range."""
    scale = float(np.ptp(other.mean))
    pairs = ((one.mean, other.mean), (one.std, other.std))
    apart = [float(np.abs(mine - theirs).max()) / scale for mine, theirs in pairs]
    print(f"\n{what}: mean {apart[0]:.1e}, std {apart[1]:.1e} of the range apart")
    assert np.isfinite(apart).all()
    assert max(apart) <= tolerance, f"{what}: {apart}"


def test_agrees_with_the_cpu(
    shipped: PretrainedModel, micrograph: Image, on_cpu: Restoration, precision: str
) -> None:
    found = restore(micrograph, shipped, device="cuda", **WANTED)
    assert found.provenance["device"] == f"cuda:0 ({torch.cuda.get_device_name(0)})"
    assert found.provenance["precision"] == precision
    # It would be easy to agree if there were nothing to see.
    assert float(found.std.mean()) > 1e-3 * float(np.ptp(found.mean))
    assert_same(found, on_cpu, ROUNDING[precision], f"cuda and cpu, {precision}")
    again = restore(micrograph, shipped, device="auto", **WANTED)
    np.testing.assert_array_equal(again.mean, found.mean)
    np.testing.assert_array_equal(again.std, found.std)


@pytest.mark.parametrize("tile", [48, 100])
def test_tiled_equals_whole(shipped: PretrainedModel, micrograph: Image, precision: str, tile: int) -> None:
    whole, tiled = (restore(micrograph, shipped, device="cuda", tile=t, **WANTED) for t in ("auto", tile))
    assert whole.provenance["tile"]["noise"] > 224 > tiled.provenance["tile"]["noise"]
    assert_same(tiled, whole, ROUNDING[precision], f"tiles of {tile} and whole, {precision}")


def test_noise_is_that_of_the_cpu() -> None:
    where: dict[str, Any] = {"plane": 3, "draw": 2, "step": 1, "rows": range(-16, 200), "columns": range(300)}
    gpu, cpu = (gaussian_field(2**40 + 7, device=each, **where) for each in ("cuda", "cpu"))
    torch.testing.assert_close(gpu.cpu(), cpu, rtol=1e-6, atol=1e-7)
    before = allocated()
    torch.cuda.reset_peak_memory_stats()
    large = gaussian_field(2**40 + 7, device="cuda", **where | {"columns": range(20_000)})
    peak = torch.cuda.max_memory_allocated() - before - large.nbytes
    print(f"\nnoise: {peak / GPU_CHUNK:.0f} bytes for each pixel of a chunk, beside the field")
    assert torch.equal(large[..., :300], gpu)
    assert peak < 120 * GPU_CHUNK


def test_convolutions_are_not_rounded_to_tf32() -> None:
    torch.manual_seed(0)
    image, kernel = torch.randn(1, 64, 64, 64, device="cuda"), torch.randn(64, 64, 3, 3, device="cuda")
    exact = torch.nn.functional.conv2d(image.double(), kernel.double())

    def error() -> float:
        found = torch.nn.functional.conv2d(image, kernel)
        return float((found - exact).abs().max() / exact.std())

    with plain_inference():
        inside = error()
    print(f"\nerror of a convolution: {inside:.1e} inside, {error():.1e} outside")
    assert inside < 2e-5


def test_memory_that_runs_out_makes_tiles_smaller(
    shipped: PretrainedModel, micrograph: Image, limit_memory: Callable[[float], None]
) -> None:
    image = np.tile(micrograph, (8, 4))
    wanted: dict[str, Any] = {"draws": 2, "steps": 2, "device": "cuda"}
    before = allocated()
    torch.cuda.reset_peak_memory_stats()
    free = restore(image, shipped, **wanted)
    peak = torch.cuda.max_memory_allocated() - before
    print(f"\npeak of {image.shape}: {peak / 2**20:.0f} MiB, {peak / (800 * 800):.0f} bytes for each pixel")
    for share in (0.7, 0.5, 0.35, 0.25):
        limit_memory(before + share * peak)
        found = restore(image, shipped, **wanted)
        told = [each for each in found.provenance["warnings"] if each.startswith("Memory ran out")]
        print(f"{share} of it: {found.provenance['tile']}")
        if told:
            break
    assert told
    assert found.provenance["tile"]["mean"] <= 400 or found.provenance["tile"]["noise"] <= 400
    assert_same(found, free, ROUNDING[HALF], "short of memory and not")
    limit_memory(float("inf"))
    # Half of the card, given up at once: torch keeps it for later use, and to the driver it is taken.
    torch.empty(torch.cuda.mem_get_info()[0] // 2, dtype=torch.uint8, device="cuda")
    after = restore(image, shipped, **wanted)
    for network in ("mean", "noise"):
        # A few per cent, because libraries may take some memory for good when they are first used.
        wide = free.provenance["tile"][network]
        assert after.provenance["tile"][network] == pytest.approx(wide, rel=0.05), network
    assert_same(after, free, ROUNDING[HALF], "after the shortage and before")


def test_no_memory_at_all_is_told_and_leaves_nothing_behind(
    shipped: PretrainedModel, micrograph: Image, limit_memory: Callable[[float], None]
) -> None:
    first = restore(micrograph, shipped, device="cuda", **WANTED)
    before = allocated()
    for room in (2**20, 2**26):  # not enough for the weights; for them, but for no tile
        limit_memory(before + room)
        with pytest.raises(DeviceError, match="Memory ran out"):
            restore(np.tile(micrograph, (8, 4)), shipped, device="cuda", **WANTED)
        assert allocated() <= before + LITTLE
    limit_memory(float("inf"))
    again = restore(micrograph, shipped, device="cuda", **WANTED)
    np.testing.assert_array_equal(again.mean, first.mean)


def test_numbers_too_large_for_half_precision(
    shipped: PretrainedModel, micrograph: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    network: Any = copy.deepcopy(shipped.network)
    network.noise_network.stem.weight.data.mul_(1e6)
    network.noise_network.head.weight.data.mul_(1e-6)
    large = replace(shipped, network=network)
    half = restore(micrograph, large, device="cuda", **WANTED)
    assert half.provenance["precision"] == HALF_BUT_OUTGROWN
    in_single_precision(monkeypatch)
    single = restore(micrograph, large, device="cuda", **WANTED)
    assert_same(half, single, 1e-6, "outgrown and single precision")


def test_a_cancelled_run_gives_its_memory_back(shipped: PretrainedModel, micrograph: Image) -> None:
    restore(micrograph, shipped, device="cuda", preview=True)
    before, calls = allocated(), 0

    def checkpoint() -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            assert torch.cuda.memory_allocated() > before
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(restore_events(micrograph, shipped, device="cuda", checkpoint=checkpoint, tile=64, **WANTED))
    assert allocated() <= before + LITTLE
    events = restore_events(micrograph, shipped, device="cuda", **WANTED)
    assert [next(events).stage for _ in range(4)][-1] != "done"
    del events
    assert allocated() <= before + LITTLE


def test_runs_one_after_the_other_take_no_more_memory(shipped: PretrainedModel, micrograph: Image) -> None:
    sizes = []
    for _ in range(5):
        restore(micrograph, shipped, device="cuda", **WANTED)
        sizes.append((allocated(), torch.cuda.memory_reserved()))
    assert max(held for held, _ in sizes[1:]) <= sizes[0][0] + LITTLE
    assert sizes[-1][1] == sizes[1][1], sizes


def test_a_stack_read_plane_by_plane(shipped: PretrainedModel, micrograph: Image) -> None:
    stack = np.stack([micrograph[:, :96], micrograph[:, 96:]])
    wanted = WANTED | {"axes": "ZYX", "device": "cuda", "draws": 3}
    whole = restore(stack, shipped, keep_draws=True, **wanted)
    assert whole.draws is not None
    assert whole.draws.shape == (3, *whole.mean.shape) == (3, 2, 192, 192)
    chunked: Any = da  # which is not typed
    read = restore(chunked.from_array(stack, chunks=(1, 64, 64)), shipped, **wanted)
    np.testing.assert_array_equal(read.mean, whole.mean)
    np.testing.assert_array_equal(read.std, whole.std)
    lazy = restore_lazy(stack, shipped, **wanted)
    mean, std = chunked.compute(lazy.mean, lazy.std, scheduler="threads")
    assert_same(replace(whole, mean=mean, std=std), whole, ROUNDING[HALF], "blocks and whole")


def test_the_first_picture_and_the_schedule(shipped: PretrainedModel, micrograph: Image) -> None:
    before = schedule_map(micrograph, shipped)
    gpu, cpu = (restore(micrograph, shipped, preview=True, device=each) for each in ("cuda", "cpu"))
    assert_same(gpu, cpu, ROUNDING[SINGLE], "first picture, cuda and cpu")
    # The caller's network has stayed where it was.
    assert all(each.device.type == "cpu" for each in shipped.network.parameters())
    np.testing.assert_array_equal(schedule_map(micrograph, shipped), before)


def test_networks_of_the_authors(micrograph: Image) -> None:
    network = read_keras(DATA / "reference" / "small_sr3_zmd.h5")
    settings, drawn = PosteriorSettings(antithetic=False, sampler="published"), []
    for name in ("cuda", "cpu"):
        restorer = BlendedRestorer(network, torch.device(name), 64, settings)
        estimate = restorer.estimate(micrograph)
        *_, sharp = restorer.draw(estimate, plane=0, draw=0, steps=4, seed=1)
        assert sharp is not None
        drawn.append(sharp.cpu())
    apart = float((drawn[0] - drawn[1]).abs().max())
    print(f"\nnetworks of the authors: {apart:.1e} apart")
    assert apart < ROUNDING[SINGLE]


def test_speed_and_the_memory_that_tiles_are_planned_with(
    shipped: PretrainedModel, micrograph: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, before = np.tile(micrograph, (6, 3))[:512, :512], allocated()
    network: Any = shipped.network
    planned = 4 * network.config.mean_widths[0] * LIVE_FEATURE_MAPS / GPU_MEMORY_SHARE

    def say(how: str) -> None:
        for preset in ("preview", "preview", "standard", "standard"):
            torch.cuda.reset_peak_memory_stats()
            start = time.perf_counter()
            restore(image, shipped, device="cuda", preset=preset)
            took = time.perf_counter() - start
            peak = (torch.cuda.max_memory_allocated() - before) / (544 * 544)
            print(f"\n512 × 512, {preset}, {how}: {took:.3f} s, {peak:.0f} bytes for each pixel")
            assert peak < planned

    say("as by default")
    in_single_precision(monkeypatch)
    say("single precision")
    monkeypatch.setattr(execution, "_switch_tf32_off", ExitStack)
    say("single precision with TF32")
