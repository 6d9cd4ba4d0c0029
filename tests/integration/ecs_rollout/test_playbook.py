# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task as people run it: progress on a terminal, secrets in no output, signals, and the silent module."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ecs_rollout.stack import Stack

ROOT = Path(__file__).resolve().parents[3]
LINE = re.compile(r"\[digits\] \d\d:\d\d (greenlight|ECS) ")
PLAY = """
- hosts: digits
  gather_facts: false
  module_defaults:
    group/greenlight.serving.serving: "{{ connection }}"
  tasks:
    - greenlight.serving.ecs_rollout: "{{ options }}"
      register: rollout
    - greenlight.serving.rollout_info:
        cluster: "{{ options.cluster }}"
        name: "{{ options.name }}"
        record: "{{ options.record }}"
      register: info
    - ansible.builtin.debug:
        msg: "serves {{ info.serving.id }} as {{ rollout.state }}"
"""
ELSEWHERE = """
from ansible.plugins.connection import local
DOCUMENTATION = local.DOCUMENTATION.replace("name: local", "name: elsewhere")
class Connection(local.Connection):
    transport = "elsewhere"
"""
CONNECTION = ("region", "endpoint_url", "access_key", "secret_key")


def written(stack: Stack, folder: Path, tag: str, **changes: Any) -> list[str]:
    """A playbook for the stack; the command that runs it."""
    options = {**stack.options(tag), **changes}
    connection = {name: options.pop(name) for name in CONNECTION}
    (folder / "play.yml").write_text(PLAY)
    (folder / "vars.json").write_text(json.dumps({"options": options, "connection": connection}))
    (folder / "hosts").write_text(f"digits ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    return [program, "-i", str(folder / "hosts"), "-e", f"@{folder / 'vars.json'}", str(folder / "play.yml")]


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        "ANSIBLE_LOG_PATH": str(folder / "log"),
        "ANSIBLE_FORCE_COLOR": "0",
    }


def play(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=environment(folder), capture_output=True, text=True, timeout=180, check=False
    )


def test_progress_fits_a_terminal_and_shows_no_secret(stack: Stack, tmp_path: Path) -> None:
    probe = {**stack.options()["probes"][0], "secret_headers": {"X-Token": "planted-canary-value"}}
    command = written(stack, tmp_path, "1", probes=[probe])
    planned = play([*command, "--check", "--diff"], tmp_path)
    assert planned.returncode == 0, planned.stdout
    assert "would call CreateService" in planned.stdout
    assert "+containerDefinitions.model.image: models.example/digits:1@sha256:" in planned.stdout

    done = play([*command, "-vvv"], tmp_path)
    assert done.returncode == 0, done.stdout
    progress = [line for line in done.stdout.splitlines() if LINE.match(line)]
    assert len(progress) > 5
    assert max(map(len, progress)) <= 80
    assert any("greenlight" in line and "CreateService" in line for line in progress)
    assert any(" ECS " in line and "has started" in line for line in progress)
    assert f"serves {stack.record()['live']} as live" in done.stdout

    everything = done.stdout + done.stderr + planned.stdout + planned.stderr + (tmp_path / "log").read_text()
    for secret in (stack.state["secret_key"], "planted-canary-value"):
        assert secret not in everything

    again = play(command, tmp_path)
    assert "changed=0" in again.stdout, again.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 99)])
def test_a_stopped_playbook_is_recorded_and_the_next_run_goes_on(
    served: Stack, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """As a terminal's Ctrl-C or a service manager does it: a signal to the whole process group."""
    tag = "2" if number is signal.SIGTERM else "1"
    command = written(served, tmp_path, tag)
    with (tmp_path / "out").open("w") as out:
        child = subprocess.Popen(
            command, cwd=ROOT, env=environment(tmp_path), stdout=out, stderr=out, start_new_session=True
        )
    until = time.monotonic() + 120
    while served.record()["unfinished"].get("phase") != "moving":
        assert time.monotonic() < until, (tmp_path / "out").read_text()
        time.sleep(0.1)
    worker = descendant(child.pid)
    os.killpg(child.pid, number)
    assert child.wait(timeout=60) == code, (tmp_path / "out").read_text()
    while served.record()["unfinished"].get("interrupted") != "yes":
        assert time.monotonic() < until, (tmp_path / "out").read_text()
        time.sleep(0.1)
    while Path(f"/proc/{worker}").exists():  # it doesn't go on alone
        assert time.monotonic() < until
        time.sleep(0.1)
    result = served.roll_out(tag)
    assert result["state"] == "live", result["reason"]


def descendant(parent: int) -> int:
    """The worker of an ansible-playbook that runs one task on one host."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(children[-1])


def test_elsewhere_the_module_does_the_same_silently(served: Stack, tmp_path: Path) -> None:
    """Where the connection is not local, the module is sent there, with all that it imports."""
    (tmp_path / "connection").mkdir()
    (tmp_path / "connection" / "elsewhere.py").write_text(ELSEWHERE)
    now = served.roll_out("2")
    assert now["state"] in ("live", "unchanged")
    command = [*written(served, tmp_path, "2"), "-e", "ansible_connection=elsewhere"]
    with_plugin = {**environment(tmp_path), "ANSIBLE_CONNECTION_PLUGINS": str(tmp_path / "connection")}
    done = subprocess.run(command, cwd=ROOT, env=with_plugin, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout
    assert f"serves {served.record()['live']} as unchanged" in done.stdout
    assert "changed=0" in done.stdout
    refused = module("ecs_rollout", {**served.options("2"), "desired_count": 9999}, tmp_path)
    assert (refused["state"], refused["failed"]) == ("refused", True)
    assert refused["msg"] == refused["reason"]


@pytest.mark.parametrize(
    ("name", "given", "missing"),
    [
        ("ecs_rollout", {}, "missing required arguments: cluster, name"),
        ("rollout_info", {}, "missing required arguments: name"),
        ("rollout_info", {"name": "digits"}, "platform is ecs but all of the following are missing: cluster"),
    ],
)
def test_arguments_are_checked_before_anything_else(
    name: str, given: dict[str, str], missing: str, tmp_path: Path
) -> None:
    assert missing in module(name, given, tmp_path)["msg"]


def module(name: str, arguments: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run a module as Ansible does when it is on the managed host already."""
    (folder / "arguments.json").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    line = [sys.executable, "-m", f"ansible_collections.greenlight.serving.plugins.modules.{name}"]
    done = subprocess.run(
        [*line, str(folder / "arguments.json")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result
