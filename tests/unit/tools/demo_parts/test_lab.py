# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tools.demo_parts import lab


class FakeLab:
    """Answers for `python -m tests.lab.aws`; `on_up` is called while the lab starts."""

    def __init__(self, code: int = 0, on_up=lambda: None) -> None:
        self.calls: list[str] = []
        self.code = code
        self.on_up = on_up

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        self.calls.append(arguments[0])
        if arguments[0] == "up":
            self.on_up()
        return subprocess.CompletedProcess([], self.code if arguments[0] == "up" else 0, "", "no luck\n")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lab, "STATE", tmp_path / "aws.json")
    (tmp_path / "aws.log").write_text("what the lab said")
    return tmp_path / "build" / "lab.log"


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_the_lab_goes_down_however_the_block_ends(log: Path, monkeypatch: pytest.MonkeyPatch, error) -> None:
    fake = FakeLab()
    monkeypatch.setattr(lab, "_lab", fake)

    def block() -> None:
        with lab.running(log):
            assert fake.calls == ["up"]
            if error:
                raise error

    if error:
        with pytest.raises(error):
            block()
    else:
        block()
    assert fake.calls == ["up", "down"]
    assert log.read_text() == "what the lab said"


def test_a_lab_that_does_not_start_is_left_alone(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be somebody's running lab: that is why it did not start."""
    fake = FakeLab(code=1)
    monkeypatch.setattr(lab, "_lab", fake)
    with pytest.raises(lab.LabError, match="no luck"), lab.running(log):
        pytest.fail("the block must not run")
    assert fake.calls == ["up"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_while_the_lab_starts_ends_it_when_it_has(
    log: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fake = FakeLab(on_up=lambda: os.kill(os.getpid(), number))
    monkeypatch.setattr(lab, "_lab", fake)
    with pytest.raises(KeyboardInterrupt), lab.running(log):
        pytest.fail("the block must not run")
    assert fake.calls == ["up", "down"]


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in lab.STOPPING]
    with lab.deferred_signals():
        assert [signal.getsignal(number) for number in lab.STOPPING] != before
    assert [signal.getsignal(number) for number in lab.STOPPING] == before
