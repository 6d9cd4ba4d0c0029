# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module runs that need not compile what an earlier one compiled: half of a short module's time.

Ansible sends a module as an archive of source texts, and Python keeps no bytecode of what it imports from an archive.
tools/test.py puts this folder on PYTHONPATH, so that every Python of a test run imports this file at its start; what
was compiled is then kept under .cache/bytecode by the hash of its source and of the compiler. What is executed is the
same; only a traceback may name the archive of an earlier run.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import sys
import zipimport
from pathlib import Path
from types import CodeType

KEPT = Path(__file__).resolve().parents[2] / ".cache" / "bytecode"
# zipimport offers no hook of its own between an archive's text and its code.
compile_source = zipimport._compile_source


def compiled(path: str, source: bytes) -> CodeType:
    """What zipimport would compile from `source`. Whatever is wrong with the kept code, the source counts."""
    name = path.rsplit(".zip" + os.sep, 1)[-1]
    kept = KEPT / hashlib.sha256(b"\0".join((sys.version.encode(), name.encode(), source))).hexdigest()
    with contextlib.suppress(OSError, ValueError, EOFError, TypeError):
        return marshal.loads(kept.read_bytes())  # noqa: S302 - our own file
    code = compile_source(path, source)
    with contextlib.suppress(OSError):  # a disk that is full: the next one compiles, too
        keep(kept, marshal.dumps(code))
    return code


def keep(kept: Path, code: bytes) -> None:
    """All of it or nothing: other processes write the same file at the same time."""
    KEPT.mkdir(parents=True, exist_ok=True)
    partly = kept.with_suffix(f".{os.getpid()}")
    partly.write_bytes(code)
    partly.replace(kept)


zipimport._compile_source = compiled
