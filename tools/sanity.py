# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test sanity on a staged copy, in a home of its own so that the user's stays as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from stage import ROOT, stage

HOME = ROOT / "build" / "sanity"


def main() -> int:
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "tools" / "get_pip.py", cache / "get_pip_24_2.py")  # the name ansible-test 2.19 looks for
    environment = {**os.environ, "HOME": str(HOME)}
    environment.pop("ANSIBLE_HOME", None)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [
        str(Path(sys.executable).parent / "ansible-test"),
        "sanity",
        "--local",
        "--python",
        version,
        "--color",
        "no",
    ]
    # Outside the checkout: below it, ansible-test asks the checkout's git for the files, and build/ is ignored there.
    with tempfile.TemporaryDirectory(prefix="greenlight-sanity-") as root:
        return subprocess.run(
            command, cwd=stage(Path(root)), env=environment, stdin=subprocess.DEVNULL, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
