# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make `ansible_collections.greenlight.serving` importable from a plain checkout and from a staged copy."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ansible.utils.collection_loader import (
    _collection_finder as finder,
)  # private; the pin in requirements-dev.txt guards it

ROOT = Path(__file__).resolve().parents[2]
STAGED = ROOT.parent.parent.parent  # …/ansible_collections/greenlight/serving
PATHS = [str(STAGED)] if ROOT.parent.parent.name == "ansible_collections" else [str(ROOT / "collections")]

if not any(isinstance(entry, finder._AnsibleCollectionFinder) for entry in sys.meta_path):
    finder._AnsibleCollectionFinder(paths=PATHS)._install()

# A lab in the shell's environment must never be what a unit test talks to.
for name in [name for name in os.environ if name.startswith(("AWS_", "BOTO_"))]:
    del os.environ[name]
