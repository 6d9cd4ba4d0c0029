# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the collection to DEST/ansible_collections/greenlight/serving, as ansible-test wants it.

ansible-test refuses a linked checkout (it resolves the working directory). The copy holds what the artifact holds:
tracked and new files less galaxy.yml's build_ignore, so the lab, its tests and the committed link stay out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path, PurePath

import yaml

ROOT = Path(__file__).resolve().parents[1]


def shipped(name: str, ignored: list[str]) -> bool:
    """Whether ansible-galaxy would put this file into the artifact: no pattern matches it or a folder above it."""
    path = PurePath(name)
    return not any(fnmatch(str(part), pattern) for part in (path, *path.parents) for pattern in ignored)


def stage(dest: Path) -> Path:
    """Copy; returns the collection's folder in the copy."""
    copy = dest / "ansible_collections" / "greenlight" / "serving"
    shutil.rmtree(copy, ignore_errors=True)
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git from PATH is meant
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    ignored: list[str] = yaml.safe_load((ROOT / "galaxy.yml").read_text())["build_ignore"]
    for name in filter(None, listing.split("\0")):
        source = ROOT / name
        if not source.is_file() or not shipped(name, ignored):
            continue
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    return copy


if __name__ == "__main__":
    print(stage(Path(sys.argv[1]).resolve()))
