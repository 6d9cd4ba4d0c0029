# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from tools import check_machine
from tools.check_machine import Finding

Version = namedtuple("Version", "major minor micro")


def test_this_machine_passes_what_needs_no_network() -> None:
    for check in (check_machine.check_linux, check_machine.check_python, check_machine.check_disk):
        assert check().ok


def test_other_systems_are_told_what_runs_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_machine.platform, "system", lambda: "Darwin")
    finding = check_machine.check_linux()
    assert not finding.ok
    assert "the collection runs here" in finding.text
    assert finding.mend.startswith("docker run")


def test_old_python_names_a_newer_one_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_machine.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(check_machine.shutil, "which", lambda name: name == "python3.12")
    assert check_machine.check_python().mend == "make PYTHON=python3.12 demo"
    monkeypatch.setattr(check_machine.shutil, "which", lambda _ignored: None)
    assert check_machine.check_python().mend.startswith("sudo apt-get install python3.12")


def test_python_without_venv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_machine.importlib.util, "find_spec", lambda _ignored: None)
    finding = check_machine.check_python()
    assert not finding.ok
    assert finding.mend == f"sudo apt-get install python3.{sys.version_info[1]}-venv"


def test_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = namedtuple("usage", "total used free")(1, 1, 500_000_000)
    monkeypatch.setattr(check_machine.shutil, "disk_usage", lambda _ignored: usage)
    finding = check_machine.check_disk(tmp_path)
    assert not finding.ok
    assert finding.text == "disk: 0.5 GB free, 3 GB needed"


@pytest.mark.parametrize(("status", "ok"), [(0, True), (1, False)])
def test_registry(monkeypatch: pytest.MonkeyPatch, status: int, ok: bool) -> None:
    done = subprocess.CompletedProcess([], status, stdout=b"noise\nERROR: no route to host\n")
    monkeypatch.setattr(check_machine.subprocess, "run", lambda *_ignored, **__: done)
    finding = check_machine.check_registry()
    assert finding.ok is ok
    assert ok or finding.text == "package registry: ERROR: no route to host"


def test_without_pip_the_bundled_one_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "_bundled").mkdir()
    wheel = tmp_path / "_bundled" / "pip-99.0-py3-none-any.whl"
    wheel.touch()
    spec = namedtuple("spec", "origin")(str(tmp_path / "__init__.py"))
    monkeypatch.setattr(check_machine.importlib.util, "find_spec", lambda name: spec if name == "ensurepip" else None)
    assert check_machine.pip()[1] == str(wheel / "pip")


def test_every_check_is_printed_with_what_mends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = (lambda: Finding(False, "no disk", "rm it"), lambda: Finding(True, "fine"))
    monkeypatch.setattr(check_machine, "CHECKS", findings)
    assert check_machine.main() == 1
    assert capsys.readouterr().out == "FAIL  no disk\n      mend it: rm it\nok    fine\n"
