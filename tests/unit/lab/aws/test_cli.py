# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line's own parts; whole labs are started in tests/integration/lab."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.aws import cli

KNOWN = {
    "endpoint": "http://127.0.0.1:1",
    "region": "us-east-1",
    "access_key": "LABA",
    "secret_key": "it's",
    "pid": 1,
    "mark": "no-process-has-this",
    "scale": 0.1,
    "seed": 1,
    "network": "127.16.0.0/16",
}


def test_export_lines_are_what_a_shell_reads() -> None:
    script = cli.exports({**KNOWN, "secret_key": "secret"}) + "\nenv"
    outer = {"PATH": os.environ["PATH"], "AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "t"}
    shown = subprocess.run(["/bin/sh", "-c", script], env=outer, capture_output=True, text=True, check=True).stdout
    aws = dict(line.split("=", 1) for line in shown.splitlines() if line.startswith("AWS_"))
    assert aws == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "LABA",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def test_every_value_is_quoted() -> None:
    for line in cli.exports({**KNOWN, "secret_key": "a$b c"}).splitlines()[:-1]:
        assert len(shlex.split(line)) == 2


def test_status_without_a_lab_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--state", str(tmp_path / "aws.json")]) == 1
    assert capsys.readouterr().err == "The lab is not running. Start it: python -m tests.lab.aws up\n"


def test_down_without_a_lab_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["down", "--state", str(tmp_path / "aws.json")]) == 0
    assert capsys.readouterr().err == "The lab is not running.\n"


def test_a_lab_that_died_is_told_from_one_that_runs_even_if_its_pid_lives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "aws.json"
    state.write_text(json.dumps({**KNOWN, "pid": os.getpid()}))
    assert cli.main(["status", "--state", str(state)]) == 1
    assert f"The lab (pid {os.getpid()}) died." in capsys.readouterr().err
    assert cli.main(["down", "--state", str(state)]) == 0
    assert not state.exists()


def test_a_broken_state_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "aws.json"
    state.write_text("{")
    assert cli.main(["status", "--state", str(state)]) == 1
    assert f"{state} is not a lab's state file" in capsys.readouterr().err


@pytest.mark.parametrize("scale", ["0", "-1", "11", "fast"])
def test_a_scale_out_of_range_is_refused(scale: str) -> None:
    with pytest.raises(SystemExit):
        cli.main(["up", "--scale", scale])


def test_nothing_of_the_callers_aws_settings_reaches_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    monkeypatch.setenv("BOTO_CONFIG", "x")
    monkeypatch.setenv("MOTO_ECS_NEW_ARN", "false")
    environment = cli._environment("mark")
    assert environment["GREENLIGHT_LAB"] == "mark"
    assert environment["MOTO_IAM_LOAD_MANAGED_POLICIES"] == "true"
    assert {name for name in environment if name.startswith(("AWS_", "BOTO_"))} == {"AWS_EC2_METADATA_DISABLED"}
    assert "MOTO_ECS_NEW_ARN" not in environment


def test_the_state_file_is_for_its_owner_and_never_half_written(tmp_path: Path) -> None:
    state = tmp_path / "aws.json"
    state.write_text("old")
    cli._write(state, KNOWN)
    assert json.loads(state.read_text()) == KNOWN
    assert state.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["aws.json"]


def test_two_commands_on_one_state_wait_for_each_other(tmp_path: Path) -> None:
    code = f"""
import sys, pathlib
sys.path.insert(0, {str(cli.ROOT)!r})
from tests.lab.aws import cli
with cli._alone(pathlib.Path({str(tmp_path)!r})):
    print("in", flush=True)
"""
    with cli._alone(tmp_path):
        other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=0.5)
    output, _ignored = other.communicate(timeout=30)
    assert output == b"in\n"
