# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is imported from an archive is what stands in it, whatever was kept before."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of its own, so that its .cache is, too."""
    shutil.copytree(ROOT / "tools" / "warm", tmp_path / "tools" / "warm")
    return tmp_path


def imported(folder: Path, text: str) -> str:
    """What a new Python prints that imports `text` from an archive."""
    with zipfile.ZipFile(folder / "module.zip", "w") as archive:
        archive.writestr("said.py", text)
    script = f"import sys; sys.path.insert(0, {str(folder / 'module.zip')!r}); import said"
    environment = {"PYTHONPATH": str(folder / "tools" / "warm"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def kept(folder: Path) -> list[Path]:
    return sorted((folder / ".cache" / "bytecode").iterdir())


def test_code_is_kept_once_and_used_again(folder: Path) -> None:
    assert imported(folder, "print('one')") == "one\n"
    (first,) = kept(folder)
    made = first.stat().st_mtime_ns
    assert imported(folder, "print('one')") == "one\n"
    assert [file.stat().st_mtime_ns for file in kept(folder)] == [made]


def test_another_text_is_another_code(folder: Path) -> None:
    assert [imported(folder, f"print('{word}')") for word in ("one", "two", "one")] == ["one\n", "two\n", "one\n"]
    assert len(kept(folder)) == 2


@pytest.mark.parametrize("rest", [b"", b"\xff" * 40, b"\x00"])
def test_a_spoilt_file_is_made_anew(folder: Path, rest: bytes) -> None:
    imported(folder, "print('one')")
    kept(folder)[0].write_bytes(rest)
    assert imported(folder, "print('one')") == "one\n"
    assert len(kept(folder)[0].read_bytes()) > 40


def test_without_a_place_everything_goes_on(folder: Path) -> None:
    (folder / ".cache").write_text("a file where the folder should be")
    assert imported(folder, "print('one')") == "one\n"
