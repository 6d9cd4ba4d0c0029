# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the artifact and run the Galaxy importer on it, from an environment of its own.

The importer pins libraries that collide with the development environment's, hence .venv-importer. Its lint resolves
the stock collections through a link to the development environment's, and checks the playbooks' syntax with the local
inventory: without a service they refuse to run, and a syntax check is a run to them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMPORTER = "galaxy-importer==0.4.44"
VENV = ROOT / ".venv-importer"
BUILD = ROOT / "build" / "package"
CONFIG = "[galaxy-importer]\nRUN_ANSIBLE_TEST = False\nOFFLINE_ANSIBLE_LINT = True\nCHECK_CHANGELOG = True\n"
# The importer warns of any ignore file; ours is there, and empty.
EXPECTED = re.compile(r"WARNING: Ignore files skip .* with 0 statement\(s\)")


def environment() -> Path:
    """The importer's interpreter; installed on first use."""
    python, ready = VENV / "bin" / "python", VENV / f".{IMPORTER}"
    if not ready.exists():
        venv.create(VENV, with_pip=True, symlinks=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", IMPORTER], check=True)
        ready.touch()
    stock = next((VENV / "lib").glob("python3*/site-packages")) / "ansible_collections"
    stock.unlink(missing_ok=True)
    stock.symlink_to(Path(sysconfig.get_path("purelib")) / "ansible_collections")
    return python


def build() -> Path:
    """Build greenlight-serving-VERSION.tar.gz into build/package."""
    for old in BUILD.glob("greenlight-serving-*.tar.gz"):
        old.unlink()
    galaxy = str(Path(sys.executable).parent / "ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", "--force", "--output-path", str(BUILD)], cwd=ROOT, check=True)
    return next(BUILD.glob("greenlight-serving-*.tar.gz"))


def main() -> int:
    BUILD.mkdir(parents=True, exist_ok=True)
    artifact = build()
    (BUILD / "importer.cfg").write_text(CONFIG)
    python = environment()
    result = subprocess.run(
        [python, "-m", "galaxy_importer.main", str(artifact)],
        cwd=BUILD,
        env={
            **os.environ,
            "GALAXY_IMPORTER_CONFIG": str(BUILD / "importer.cfg"),
            "ANSIBLE_INVENTORY": str(ROOT / "inventories" / "local"),
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "HOME": str(BUILD),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    print(result.stdout, result.stderr)
    # The importer prints what it objects to and still returns 0.
    lines = (result.stdout + result.stderr).splitlines()
    bad = [line for line in lines if line.startswith(("ERROR", "WARNING")) and not EXPECTED.fullmatch(line)]
    return 1 if result.returncode or bad else 0


if __name__ == "__main__":
    sys.exit(main())
