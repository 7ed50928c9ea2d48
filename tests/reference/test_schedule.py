from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from napari_cvdm.reference.model import ReferenceCVDM
from napari_cvdm.reference.schedule import TimeModel, spread

Far = Callable[[Tensor, Tensor], float]


@torch.inference_mode()
def test_gamma_and_beta_are_those_of_the_authors(recording: Any, far: Far) -> None:
    x = recording.image("x")
    like = torch.zeros(len(x), recording.network.config.out_channels, *x.shape[-2:])
    for number, t in enumerate(recording.arrays["sched_t"]):
        gamma, beta = recording.network.schedule(x, like + float(t))
        theirs = [torch.from_numpy(recording.arrays[f"sched_{name}"][number]) for name in ("gamma", "beta")]
        theirs = [each.permute(0, 3, 1, 2) for each in theirs]
        # γ close to 1 varies by no more than some thousand steps of single precision.
        torch.testing.assert_close(gamma, theirs[0], rtol=0, atol=max(2e-4 * float(theirs[0].std()), 1.2e-7))
        assert far(beta, theirs[1]) < 2e-4


@torch.inference_mode()
def test_times_may_differ_from_pixel_to_pixel(recording: Any, far: Far) -> None:
    gamma, beta = recording.network.schedule(recording.image("x"), recording.image("sched_tmap"))
    assert far(gamma, recording.image("sched_tmap_gamma")) < 1e-4
    assert far(beta, recording.image("sched_tmap_beta")) < 2e-4


@torch.inference_mode()
def test_one_pass_and_nine_values_for_each_time_stand_for_a_pass_at_each_time(recording: Any) -> None:
    """Fact: λ does not depend on t, and a constant map of times has corners, edges and a middle only."""
    schedule, x, steps = recording.network.schedule, recording.image("sample_x"), 7
    rate, table = schedule.rate(x), schedule.beta_table(steps)
    height, width = x.shape[-2:]
    for step in range(steps):
        times = torch.full((1, 1, height, width), step / steps)
        _, beta = schedule(x, times)
        once = (rate * spread(table[step], height, width)).float()
        torch.testing.assert_close(once, beta, rtol=1e-6, atol=1e-7)


@torch.inference_mode()
def test_the_border_of_a_map_of_times_differs_from_its_middle() -> None:
    torch.manual_seed(1)
    model = TimeModel(1, 70)  # more units than are computed at once, and no multiple of those
    table = model.table(torch.tensor([0.3, 0.8]))
    for number, t in enumerate((0.3, 0.8)):
        whole = model(torch.full((1, 1, 5, 7), t))[0, 0]
        torch.testing.assert_close(spread(table[number], 5, 7), whole, rtol=1e-9, atol=1e-12)
    assert abs(float(table[0, 0, 0] - table[0, 1, 1])) > 1e-5


@torch.inference_mode()
def test_times_beyond_the_last_are_the_last(make_network: Callable[..., ReferenceCVDM]) -> None:
    network, x = make_network(), torch.rand(1, 1, 16, 16)
    late, latest = (network.schedule(x, torch.full((1, 1, 16, 16), t))[1] for t in (7.0, 0.99999))
    torch.testing.assert_close(late, latest, rtol=0, atol=0)
    none = network.schedule(x, torch.full((1, 1, 16, 16), -1.0))
    assert float(none[1].abs().max()) == 0
    assert float((none[0] - 0.99999).abs().max()) < 1e-7
