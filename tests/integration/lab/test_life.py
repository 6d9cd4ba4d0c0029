# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's life: up, status, down; what goes wrong is said; nothing survives."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from tests.lab.aws.cli import ROOT
from tests.lab.aws.procs import marked
from tests.lab.aws.running import COMMAND, RunningLab, command, running


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.02)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "aws.json"
    command(tmp_path / "aws.json", "down")


KEYS = {"endpoint", "region", "account", "access_key", "secret_key", "pid", "mark", "scale", "seed", "network"}


def test_one_life(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up with a port, a second up, status, down; with somebody else's account in the shell."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_PROFILE", "production")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = command(state, "up", "--port", str(port), check=False)
    assert taken.returncode == 1
    assert f"port {port} of 127.0.0.1: Address already in use" in taken.stderr
    assert not state.exists()

    done = command(state, "up", "--port", str(port), "--scale", "0.05", "--seed", "7")
    known = json.loads(state.read_text())
    assert state.stat().st_mode & 0o777 == 0o600
    assert known.keys() == KEYS | {"vpc_id", "subnets"}
    assert known["endpoint"] == f"http://127.0.0.1:{port}"
    assert (known["region"], known["account"], known["scale"], known["seed"]) == ("us-east-1", "123456789012", 0.05, 7)
    assert {tier: len(ids) for tier, ids in known["subnets"].items()} == {"private": 3, "public": 3}
    lines = done.stdout.splitlines()
    assert all(line.startswith(("export AWS_", "unset AWS_")) for line in lines)
    assert f"export AWS_ENDPOINT_URL='{known['endpoint']}'" in lines
    lab = RunningLab(state)
    assert lab.trace() == []  # its own preparations are left out
    assert lab.environment()["AWS_ENDPOINT_URL"] == known["endpoint"]
    assert "AWS_PROFILE" not in lab.environment()
    monkeypatch.delenv("AWS_PROFILE")  # boto3 here would look for it

    again = command(state, "up", check=False)
    assert again.returncode == 1
    assert "The lab is already running: http://127.0.0.1:" in again.stderr
    assert again.stdout == ""
    assert json.loads(state.read_text()) == known
    assert lab.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert f"{known['endpoint']}  pid {known['pid']}" in command(state, "status").stdout

    assert len(marked(known["mark"])) == 2  # the lab and its keeper
    command(state, "down")
    assert marked(known["mark"]) == set()
    assert list(state.parent.iterdir()) == []
    with pytest.raises(RuntimeError, match="The lab is not running"):
        command(state, "status")


def test_two_labs_run_side_by_side_and_share_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with running(tmp_path / "a") as one, running(tmp_path / "b") as two:
        assert one.state["network"] != two.state["network"]
        assert one.state["access_key"] != two.state["access_key"]
        one.client("ecs").create_cluster(clusterName="mine")
        assert two.client("ecs").list_clusters()["clusterArns"] == []


def test_after_a_sigkill_nothing_survives_status_says_so_and_up_works_again(state: Path) -> None:
    command(state, "up")
    known = json.loads(state.read_text())
    os.kill(known["pid"], signal.SIGKILL)
    eventually(lambda: not marked(known["mark"]))
    died = command(state, "status", check=False)
    assert died.returncode == 1
    assert f"The lab (pid {known['pid']}) died." in died.stderr
    command(state, "up")
    after = json.loads(state.read_text())
    assert after["pid"] != known["pid"]
    os.kill(after["pid"], signal.SIGINT)  # as SIGTERM, which `down` sends
    eventually(lambda: not marked(after["mark"]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_up_leaves_nothing(state: Path, number: signal.Signals) -> None:
    up = subprocess.Popen([*COMMAND, "up", "--state", str(state)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    eventually(lambda: state.with_suffix(".log").exists())
    up.send_signal(number)
    _ignored, said = up.communicate(timeout=60)
    assert (up.returncode, said) == (1, "Interrupted: the lab was not started.\n")
    assert not state.exists()
    lab = f"--state\0{state}".encode()
    assert not [entry for entry in Path("/proc").glob("[0-9]*") if lab in _cmdline(entry)]


def _cmdline(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def test_the_account_is_a_landing_zone(shared_lab: RunningLab) -> None:
    state, ec2 = shared_lab.state, shared_lab.client("ec2")
    assert [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]] == [state["vpc_id"]]
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    assert (vpc["CidrBlock"], vpc["Tags"]) == (state["network"], [{"Key": "Name", "Value": "lab"}])
    octet = state["network"].split(".")[1]
    shown = {
        subnet["SubnetId"]: (
            subnet["CidrBlock"],
            subnet["AvailabilityZone"],
            {tag["Key"]: tag["Value"] for tag in subnet["Tags"]}["tier"],
        )
        for subnet in ec2.describe_subnets()["Subnets"]
    }
    expected = {
        state["subnets"][tier][index]: (f"127.{octet}.{third}.0/20", f"us-east-1{zone}", tier)
        for tier, thirds in {"private": (0, 16, 32), "public": (64, 80, 96)}.items()
        for index, (zone, third) in enumerate(zip("abc", thirds, strict=True))
    }
    assert shown == expected
    routes = ec2.describe_route_tables(Filters=[{"Name": "tag:tier", "Values": ["public"]}])["RouteTables"]
    assert {one["SubnetId"] for one in routes[0]["Associations"]} == set(state["subnets"]["public"])


def test_a_client_that_signs_for_another_region_or_key_is_still_in_this_account(shared_lab: RunningLab) -> None:
    client = boto3.client(
        "sts",
        endpoint_url=shared_lab.state["endpoint"],
        region_name="eu-west-1",
        aws_access_key_id="AKIAOTHEROTHEROTHER0",
        aws_secret_access_key="x",
    )
    assert client.get_caller_identity()["Account"] == "123456789012"


def test_a_guarded_lab_ends_with_its_process(state: Path) -> None:
    guard = subprocess.Popen(["sleep", "600"])  # noqa: S607
    command(state, "up", "--scale", "0.05", "--guard", str(guard.pid))
    mark = json.loads(state.read_text())["mark"]
    guard.kill()
    guard.wait()
    eventually(lambda: not marked(mark), 60)
