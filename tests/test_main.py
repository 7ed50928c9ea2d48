import subprocess
import sys


def test_the_package_runs_as_a_module_does() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "napari_cvdm", "restore", "absent.tif"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.startswith("napari-cvdm: Missing option '--output'")
