"""Kill a restoration at random moments, resume it, and compare the bytes with those of an undisturbed run.

python benchmarks/interruption.py                      # the bundled sample and model, in small blocks
python benchmarks/interruption.py --times 20 --workers 2
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = """
import json, sys
from napari_cvdm import load_model, restore_lazy
from napari_cvdm.files.streaming import write_restoration
from napari_cvdm.files.tiff import open_tiff_lazily
from napari_cvdm.restoration.cluster import cluster
if __name__ == "__main__":
    source, output, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    image = open_tiff_lazily(source)
    model = load_model(options["model"])
    with cluster(None, options["workers"]) as client:
        lazy = restore_lazy(
            image.data, model, axes=image.axes, draws=options["draws"], steps=options["steps"],
            block=options["block"], device="cpu",
        )
        tell = lambda told: print(told.done, told.resumed, told.regions, flush=True)
        write_restoration(lazy, output, client=client, progress=tell)
"""


def digest(folder: Path) -> str:
    """Return one hash of all files below a folder and their names."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def main() -> None:
    """Kill, resume, compare."""
    from napari_cvdm.files.samples import sample_path

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--model", default="default")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--block", type=int, default=64)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "run.py"
        script.write_text(RUN)

        def start(name: str) -> subprocess.Popen[str]:
            (Path(folder) / name).mkdir(exist_ok=True)
            output = Path(folder) / name / "out.ome.zarr"
            command = [sys.executable, script, sample_path(), output, json.dumps(vars(options))]
            return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)

        for number in range(options.times):
            process = start("killed")
            assert process.stdout is not None
            done, resumed, regions = map(int, process.stdout.readline().split())
            goal = min(regions - 1, resumed + chance.randrange(0, 1 + regions // (options.times + 1)))
            while done < goal:
                done = int(process.stdout.readline().split()[0])
            time.sleep(chance.uniform(0, 1))
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            print(f"kill {number + 1}: began with {resumed}, killed at {done} or more of {regions} regions")
        hashes = []
        for name in ("killed", "whole"):
            last = start(name).communicate()[0].splitlines()
            print(f"{name}: began with {last[0].split()[1]} regions, ended with {last[-1].split()[0]}")
            hashes.append(digest(Path(folder) / name))
    same = hashes[0] == hashes[1]
    print("The bytes are the same." if same else "THE BYTES DIFFER.")
    sys.exit(not same)


if __name__ == "__main__":
    main()
