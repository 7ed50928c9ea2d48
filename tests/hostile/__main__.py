"""List the battery of hostile inputs: ``python -m tests.hostile``; ``--run`` puts it through its tests."""

from __future__ import annotations

import subprocess
import sys

from tests.hostile.arrays import array_cases
from tests.hostile.file_cases import file_cases
from tests.hostile.layers import layer_cases
from tests.hostile.lookalikes import lookalike_cases
from tests.hostile.ome_cases import ome_cases
from tests.hostile.outputs import output_cases
from tests.hostile.settings import setting_cases
from tests.hostile.tiff_cases import tiff_cases
from tests.hostile.zarr_cases import zarr_cases
from tests.hostile.zarr_descriptions import zarr_description_cases


def main(arguments: list[str]) -> int:
    """List every case, or run them."""
    if arguments == ["--run"]:
        # In a process of its own: pytest wants to be there before the libraries that the lists have loaded.
        return subprocess.call([sys.executable, "-m", "pytest", "tests/hostile", "-q"])
    battery = {
        "arrays through restore()": [*array_cases(), *lookalike_cases()],
        "settings of restore()": setting_cases(),
        "files through the command line": file_cases(),
        "odd TIFF layouts, directories and promises, likewise": tiff_cases(),
        "odd OME-XML, likewise": ome_cases(),
        "OME-Zarr folders, likewise": [*zarr_cases(), *zarr_description_cases()],
        "places for results on the command line": output_cases(),
        "layers through the widget's reading, run and placing": layer_cases(),
    }
    for route, cases in battery.items():
        print(f"\n{route}: {len(cases)}")
        for case in cases:
            print(f"  {case.outcome:9} {case.name}")
    print(f"\n{sum(map(len, battery.values()))} inputs in all")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
