# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can this machine run the demo and the tests? A line per check, with the command that mends it.

Runs on the system's Python before anything is installed: standard library only, syntax of Python 3.7.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, NamedTuple  # noqa: UP035 - Python 3.7 has no collections.abc.Callable[...]

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ((3, 11), (3, 12), (3, 13))
DISK_GB = 3.0  # .venv takes 1 GB; the environments of molecule, ansible-test and the importer the rest
PACKAGE = "h11==0.16.0"  # small, and needed anyway: fetching it proves that the registry works


class Finding(NamedTuple):
    ok: bool
    text: str  # what was seen
    mend: str = ""  # the command that mends it


def check_linux() -> Finding:
    """The labs give each task an address of its own in 127.0.0.0/8, which only Linux accepts unasked."""
    if platform.system() != "Linux":
        text = f"{platform.system()}: the collection runs here, its lab does not (it needs Linux)"
        return Finding(False, text, 'docker run --rm -it -v "$PWD":/src -w /src python:3.12 make demo')
    try:
        with socket.socket() as probe:
            probe.bind(("127.200.0.1", 0))
    except OSError as error:
        return Finding(False, f"Linux, but 127.200.0.1 cannot be used: {error}", "sudo ip link set lo up")
    return Finding(True, f"Linux {platform.release()}, loopback addresses 127.0.0.0/8")


def check_python() -> Finding:
    """The interpreter that makes the virtual environment: this one."""
    allowed = " or ".join("{}.{}".format(*version) for version in PYTHONS)
    if sys.version_info[:2] not in PYTHONS:
        others = [name for name in ("python{}.{}".format(*version) for version in PYTHONS) if shutil.which(name)]
        mend = f"make PYTHON={others[-1]} demo" if others else "sudo apt-get install python3.12 python3.12-venv"
        return Finding(False, f"Python {platform.python_version()}: Python {allowed} is needed", mend)
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        name = "python{}.{}-venv".format(*sys.version_info[:2])
        return Finding(
            False, f"Python {platform.python_version()} without {missing[0]}", f"sudo apt-get install {name}"
        )
    return Finding(True, f"Python {platform.python_version()} with venv")


def check_disk(directory: Path = ROOT) -> Finding:
    free = shutil.disk_usage(str(directory)).free / 1e9
    text = f"disk: {free:.1f} GB free, {DISK_GB:g} GB needed"
    return Finding(free >= DISK_GB, text, f"free space where {directory} lies: df -h {directory}")


def check_registry() -> Finding:
    """pip with its own configuration (index, proxy, certificates) fetches one small package."""
    with tempfile.TemporaryDirectory() as directory:
        command = [*pip(), "download", "--quiet", "--no-deps", "--no-cache-dir", "--disable-pip-version-check"]
        command += ["--retries", "1", "--timeout", "15", "--dest", directory, PACKAGE]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode == 0:
        return Finding(True, "package registry answers (pip's own configuration)")
    last = (done.stdout.decode(errors="replace").strip().splitlines() or ["no output"])[-1]
    return Finding(False, f"package registry: {last}", "pip config set global.index-url URL-OF-YOUR-PYPI-MIRROR/simple")


def pip() -> list[str]:
    """This interpreter's pip, or the one bundled with ensurepip."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    ensurepip = importlib.util.find_spec("ensurepip")
    bundled = Path(ensurepip.origin).parent / "_bundled" if ensurepip and ensurepip.origin else Path()
    places = [Path("/usr/share/python-wheels"), bundled]
    wheels = [wheel for place in places for wheel in sorted(place.glob("pip-*.whl"))]
    return [sys.executable, str(wheels[-1] / "pip")] if wheels else [sys.executable, "-m", "pip"]


CHECKS: tuple[Callable[[], Finding], ...] = (check_linux, check_python, check_disk, check_registry)


def main() -> int:
    """All checks, whatever the first says. Returns the number of failed ones."""
    failed = 0
    for check in CHECKS:
        finding = check()
        failed += not finding.ok
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.text}", flush=True)
        if not finding.ok:
            print(f"      mend it: {finding.mend}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
