"""What `speed.py` measures in a process of its own: one size, or the Standard preset. Prints JSON.

python benchmarks/speed_jobs.py 512 --threads 2
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import napari_cvdm as cvdm
from napari_cvdm.assessment.baselines import enlarge, gaussian_psf, richardson_lucy
from napari_cvdm.cvdm.model import CVDM
from napari_cvdm.files.samples import read_sample

#: The largest image, in camera pixels along a side, whose draw is timed as a whole.
WHOLE_DRAW = 1024


def peak_gflops(seconds: float = 2.0) -> float:
    """Measure the fastest of three plain 3 × 3 convolutions, in GFLOP/s."""
    best = 0.0
    shapes = ((64, 256), (128, 128), (256, 64))
    with torch.inference_mode():
        for channels, side in shapes:
            layer = torch.nn.Conv2d(channels, channels, 3, padding=1).to(memory_format=torch.channels_last)
            x = torch.randn(1, channels, side, side).contiguous(memory_format=torch.channels_last)
            layer(x)
            until = time.perf_counter() + seconds / len(shapes)
            while time.perf_counter() < until:
                start = time.perf_counter()
                layer(x)
                best = max(best, 18 * channels**2 * side**2 / (time.perf_counter() - start))
    return best / 1e9


class Counter:
    """Time in the networks, and the work they did."""

    def __init__(self, network: Any) -> None:
        self.seconds, self.flops, self._per_pixel = 0.0, 0.0, _flops_per_pixel(network)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count all passes of the networks that are made meanwhile."""
        originals = {name: getattr(CVDM, name) for name in self._per_pixel}

        def counted(name: str) -> Any:
            def method(network: Any, x: Any, *rest: Any) -> Any:
                start = time.perf_counter()
                result = originals[name](network, x, *rest)
                self.seconds += time.perf_counter() - start
                self.flops += self._per_pixel[name] * x.shape[-1] * x.shape[-2] * x.shape[0]
                return result

            return method

        try:
            for name in originals:
                setattr(CVDM, name, counted(name))
            yield
        finally:
            for name, original in originals.items():
                setattr(CVDM, name, original)


def _flops_per_pixel(network: Any) -> dict[str, float]:
    side = 64
    x, folded = torch.rand(1, 1, side, side), torch.rand(1, network.upscaling**2, side, side)
    counts = {}
    with torch.inference_mode():
        for name, inputs in (("estimate", (x,)), ("predict_noise", (folded, x, folded, folded, folded))):
            with FlopCounterMode(display=False) as counter:
                getattr(network, name)(*inputs)
            counts[name] = counter.get_total_flops() / side**2
    return counts


def micrograph(side: int) -> Any:
    """Make an image of any size of the sample micrograph, by reflection."""
    sample = read_sample().data
    return np.pad(sample, [(0, max(0, side - n)) for n in sample.shape], mode="symmetric")[:side, :side]


def restore_one(side: int, options: argparse.Namespace) -> dict[str, Any]:
    """Restore an image of one size, and say what it took."""
    model = cvdm.load_model(options.model)
    all_steps = model.card.default_steps
    steps = all_steps if side <= WHOLE_DRAW else min(all_steps, options.timed_steps)
    image = micrograph(side)
    # Once before, so that nothing is measured that happens only once in a process.
    cvdm.restore(micrograph(64), model, draws=1, steps=1, device="cpu")
    peaks = [peak_gflops()]
    before = _resident_bytes()
    counter = Counter(model.network)
    times: list[float] = []
    first = 0.0
    mean_seconds = 0.0
    with counter.counting():
        start = time.perf_counter()
        for event in cvdm.restore_events(image, model, draws=1, steps=steps, device="cpu"):
            if event.stage in ("mean", "refine"):
                times.clear()  # of the draw there is only its beginning
            times.append(time.perf_counter() - start)
            if event.stage == "mean":
                first, mean_seconds = times[0], counter.seconds
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _unit_of_maxrss() - before
    peaks.append(peak_gflops())
    total = times[-1]
    draw = times[-1] - times[0]
    # One more step than were timed takes as long as those after the first, which includes the noise.
    step = (times[steps] - times[1]) / (steps - 1) if steps > 1 else draw
    megapixels = side**2 / 1e6
    per_draw = draw + (all_steps - steps) * step
    return {
        "side": side,
        "first_picture_s": first,
        "further_orientations_s": times[0] - first,
        "draw_s": per_draw,
        "steps_timed": steps,
        "all_steps": all_steps,
        "first_picture_s_per_megapixel": first / megapixels,
        "draw_s_per_megapixel": per_draw / megapixels,
        "gflops": counter.flops / counter.seconds / 1e9,
        "peak_gflops": max(peaks),
        "share_of_peak": counter.flops / total / 1e9 / max(peaks),
        "share_outside_networks": 1 - counter.seconds / total,
        "mean_network_s": mean_seconds,
        "peak_memory_gb": memory / 1e9,
        "richardson_lucy_s": deconvolution_seconds(side),
    }


def _resident_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(each for each in status.read_text().splitlines() if each.startswith("VmRSS"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _unit_of_maxrss()


def _unit_of_maxrss() -> int:
    return 1 if sys.platform == "darwin" else 1024


def standard_preset(options: argparse.Namespace) -> dict[str, float]:
    """Time the Standard preset on 512 × 512 pixels, from the call to the result."""
    model = cvdm.load_model(options.model)
    cvdm.restore(micrograph(64), model, draws=1, steps=1, device="cpu")
    counter, image = Counter(model.network), micrograph(512)
    peak = peak_gflops()
    start = time.perf_counter()
    with counter.counting():
        cvdm.restore(image, model, preset="standard", device="cpu")
    seconds = time.perf_counter() - start
    peak = max(peak, peak_gflops())
    return {
        "seconds": seconds,
        "gflops": counter.flops / seconds / 1e9,
        "peak_gflops": peak,
        "share_of_peak": counter.flops / seconds / 1e9 / peak,
        "share_outside_networks": 1 - counter.seconds / seconds,
    }


def deconvolution_seconds(side: int) -> float:
    """Time 20 iterations of Richardson-Lucy on the enlarged image, the same output as ours."""
    image = micrograph(side)
    start = time.perf_counter()
    list(richardson_lucy(enlarge(image).clip(1), gaussian_psf(2.5), [20]))
    return time.perf_counter() - start


def main() -> None:
    """Do one job and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("job", help="side of an image in camera pixels, or 'standard'")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--timed-steps", type=int, default=2)
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    done = standard_preset(options) if options.job == "standard" else restore_one(int(options.job), options)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
