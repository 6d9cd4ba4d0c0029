# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""antsibull-docs over the collection's plugins and roles, on a staged copy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from stage import ROOT, stage


def main() -> int:
    root = ROOT / "build" / "docs"
    copy = stage(root)
    command = [
        str(Path(sys.executable).parent / "antsibull-docs"),
        "lint-collection-docs",
        "--plugin-docs",
        "--skip-rstcheck",
        "--validate-collection-refs=self",
        str(copy),
    ]
    # antsibull-docs keeps a log in the home directory; the user's stays as it was.
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(root), "HOME": str(root)}
    return subprocess.run(command, cwd=root, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
