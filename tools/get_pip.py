# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for the script that ansible-test downloads to put pip into its virtual environments.

It works from the interpreter's own bundled pip instead, so that sanity tests need a package index and nothing else.
"""

from __future__ import annotations

import subprocess
import sys

DROPPED = ("--no-setuptools", "--no-wheel")  # options of the original that pip itself does not know

subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", *(a for a in sys.argv[1:] if a not in DROPPED)])
