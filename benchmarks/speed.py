r"""How fast: seconds to the first picture and per draw, by image size, against what the machine can do.

    python benchmarks/speed.py --json docs/benchmarks/speed.json --plot docs/images/speed.png \
        --docs docs/speed.md

Each size is restored in a process of its own, so that its peak memory is its own; the machine's convolution
peak is measured before and after it, by plain large convolutions. Work is counted in floating-point
operations of the networks as they are built, on all pixels that pass through them: image, margin and halos.
Large images run `--timed-steps` denoising steps, and their draw is put together from single steps. The
figures are times of day: run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Does the measuring.
JOBS = Path(__file__).with_name("speed_jobs.py")
#: Seconds of the authors' TensorFlow code for one draw of T = 200 at 256 × 256, on two CPU cores; see
#: benchmarks/reference_networks.py.
PUBLISHED = {"sr3": 1050.0, "unet": 440.0}
#: What the table is put between.
MARKERS = ("<!-- table by benchmarks/speed.py -->", "<!-- end of table -->")


def opening_seconds() -> float | None:
    """Time from asking napari for the dock widget to having it; None if napari does not open."""
    code = (
        "import time, napari\n"
        "viewer = napari.Viewer(show=False)\n"
        "start = time.perf_counter()\n"
        "viewer.window.add_plugin_dock_widget('napari-cvdm', 'CVDM super-resolution')\n"
        "print('opened', time.perf_counter() - start)\n"
        "viewer.close()\n"
    )
    platform_of_qt = os.environ.get("QT_QPA_PLATFORM") or "offscreen"
    environment = {**os.environ, "NAPARI_CONFIG": "", "QT_QPA_PLATFORM": platform_of_qt}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment
    )
    line = next((each for each in done.stdout.splitlines() if each.startswith("opened")), None)
    return None if line is None else float(line.split()[1])


def in_own_process(job: str, options: argparse.Namespace) -> Any:
    """Run a job of speed_jobs.py."""
    command = [sys.executable, str(JOBS), job, "--threads", str(options.threads)]
    command += ["--model", options.model, "--timed-steps", str(options.timed_steps)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def table(figures: dict[str, Any]) -> str:
    """Lay the figures out as Markdown."""
    lines = [
        f"{figures['machine']['processor']}, {figures['machine']['threads']} threads, torch "
        f"{figures['machine']['torch']}; one draw is {figures['steps']} denoising steps.",
        "",
        "| input | first picture | further orientations | one draw | first picture per Mpx | draw per Mpx "
        "| of the peak | outside the networks | memory | Richardson-Lucy |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['side']}² | {row['first_picture_s']:.2f} s | {row['further_orientations_s']:.2f} s "
        f"| {row['draw_s']:.2f} s "
        f"| {row['first_picture_s_per_megapixel']:.1f} s | {row['draw_s_per_megapixel']:.1f} s "
        f"| {100 * row['share_of_peak']:.0f} % | {100 * row['share_outside_networks']:.1f} % "
        f"| {row['peak_memory_gb']:.2f} GB | {row['richardson_lucy_s']:.2f} s |"
        for row in figures["sizes"]
    ]
    if standard := figures.get("standard_preset_512"):
        lines += [
            "",
            f"The *Standard* preset on 512² pixels takes {standard['seconds']:.1f} s, at "
            f"{standard['gflops']:.0f} of {standard['peak_gflops']:.0f} GFLOP/s "
            f"({100 * standard['share_of_peak']:.0f} %). {100 * standard['share_outside_networks']:.1f} % of "
            "it is spent outside the networks.",
        ]
    ours = next((row for row in figures["sizes"] if row["side"] == 128), None)
    if ours is not None:
        whole = ours["first_picture_s"] + ours["further_orientations_s"] + ours["draw_s"]
        lines += [
            "",
            f"One draw of 256² output takes {whole:.2f} s with all that precedes it. With the authors' code "
            f"(T = 200, two CPU cores) it takes {PUBLISHED['sr3']:,.0f} s with the sr3 network, "
            f"{PUBLISHED['sr3'] / whole:,.0f} times as long, and {PUBLISHED['unet']:,.0f} s with the U-Net, "
            f"{PUBLISHED['unet'] / whole:,.0f} times as long.",
        ]
    if figures.get("open_widget_s") is not None:
        lines += ["", f"The panel opens in {1000 * figures['open_widget_s']:.0f} ms."]
    return "\n".join(lines)


def plot(figures: dict[str, Any], file: Path) -> None:
    """Draw time against size, and cost per megapixel."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = figures["sizes"]
    sides = [row["side"] for row in rows]
    # Okabe and Ito's colours, which differ for every kind of colour vision.
    kinds = (
        ("first picture", "first_picture_s", "#0072B2", "o"),
        ("one draw", "draw_s", "#D55E00", "s"),
        ("Richardson-Lucy, 20 iterations", "richardson_lucy_s", "#009E73", "^"),
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for label, key, colour, marker in kinds:
        left.plot(sides, [row[key] for row in rows], color=colour, marker=marker, label=label)
        per_megapixel = [row[key] / row["side"] ** 2 * 1e6 for row in rows]
        right.plot(sides, per_megapixel, color=colour, marker=marker)
    for axes, label in ((left, "seconds"), (right, "seconds per megapixel of input")):
        axes.set_xscale("log", base=2)
        axes.set_xticks(sides, [f"{side}²" for side in sides])
        axes.set(xlabel="input, camera pixels", ylabel=label)
        axes.grid(alpha=0.3)
    left.set_yscale("log")
    right.set_ylim(bottom=0)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)


def write_into(page: Path, text: str) -> None:
    """Replace the table between the markers of a page."""
    before, rest = page.read_text(encoding="utf-8").split(MARKERS[0])
    after = rest.split(MARKERS[1])[1]
    page.write_text(f"{before}{MARKERS[0]}\n\n{text}\n\n{MARKERS[1]}{after}", encoding="utf-8")


def processor() -> str:
    """Name this machine's processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    from importlib.metadata import version

    figures: dict[str, Any] = {
        "machine": {"processor": processor(), "threads": options.threads, "torch": version("torch")},
        "sizes": [],
    }
    for side in options.sizes:
        row = in_own_process(str(side), options)
        figures["steps"] = row.pop("all_steps")
        figures["sizes"].append(row)
        print(
            f"{side}²: first picture {row['first_picture_s']:.2f} s, draw {row['draw_s']:.2f} s", flush=True
        )
    if not options.skip_standard:
        figures["standard_preset_512"] = in_own_process("standard", options)
    figures["open_widget_s"] = opening_seconds()
    if options.reference.exists():
        figures["reference_networks"] = json.loads(options.reference.read_text(encoding="utf-8"))
    return figures


def main() -> None:
    """Measure, print the table, and write files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[128, 256, 512, 1024, 2048, 4096])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timed-steps", type=int, default=2)
    parser.add_argument("--model", default="default")
    parser.add_argument("--skip-standard", action="store_true", help="leave the Standard preset out")
    parser.add_argument(
        "--reference", type=Path, default=Path("docs/benchmarks/reference_networks.json"),
        help="what benchmarks/reference_networks.py wrote",
    )  # fmt: skip
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--docs", type=Path, help="page whose table to replace")
    options = parser.parse_args()
    figures = measure(options)
    print("\n" + table(figures))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        plot(figures, options.plot)
    if options.docs:
        write_into(options.docs, table(figures))


if __name__ == "__main__":
    main()
