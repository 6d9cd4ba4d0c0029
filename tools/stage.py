# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the checkout to DEST/ansible_collections/greenlight/serving, as ansible-test wants it.

ansible-test refuses a linked checkout (it resolves the working directory), and its `symlinks` test refuses
the committed link under collections/, so the copy leaves that out. Tracked and new files only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def stage(dest: Path) -> Path:
    """Copy; returns the collection's folder in the copy."""
    copy = dest / "ansible_collections" / "greenlight" / "serving"
    shutil.rmtree(copy, ignore_errors=True)
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git from PATH is meant
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()  # fmt: skip
    for name in filter(None, listing.split("\0")):
        source = ROOT / name
        if name.startswith("collections/ansible_collections/") or not source.is_file():
            continue
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    return copy


if __name__ == "__main__":
    print(stage(Path(sys.argv[1]).resolve()))
