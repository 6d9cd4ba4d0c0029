# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Auto Scaling groups of real instances: what unit tests of the engines can't show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.lab.asg_support import AMI, SERVER, Fleet, until
from tests.lab.aws.running import running

BIN = Path(sys.executable).parent
TARGET = "arn:aws:scheduler:::aws-sdk:elasticloadbalancingv2:modifyRule"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running(tmp_path_factory.mktemp("lab")) as lab:
        yield Fleet(lab)
        assert [one for one in lab.control("GET", "log") if one["name"] in ("engine-crash", "api-crash")] == []


class Load:
    """Requests through the load balancer, one after the other, as long as the block lasts."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.answers = fleet, Counter[tuple[int, str | None]]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_ignored: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            self.answers[self.fleet.ask()] += 1


def test_instances_serve_in_their_zones_and_only_through_the_balancer(fleet: Fleet) -> None:
    machines = fleet.machines()
    assert len({one["zone"] for one in machines}) == 2
    assert {one["release"] for one in machines} == {"r1"}
    assert fleet.ask() == (200, "r1")
    with pytest.raises(TimeoutError):
        fleet.ask(machines[0]["address"], SERVER, timeout=0.5)  # its security group admits the balancer's alone
    found = fleet.ec2.describe_instances(Filters=[{"Name": "tag:aws:autoscaling:groupName", "Values": [fleet.name]}])
    shown = [one for reservation in found["Reservations"] for one in reservation["Instances"]]
    assert {one["PrivateIpAddress"] for one in shown} == {one["address"] for one in machines}
    assert {one["MetadataOptions"]["HttpTokens"] for one in shown} == {"required"}


def test_a_refresh_replaces_all_under_load_and_nobody_notices(fleet: Fleet) -> None:
    fleet.refresh(fleet.version("2", "r2"), CheckpointPercentages=[50, 100], CheckpointDelay=20, BakeTime=10)
    with Load(fleet) as load:
        until(lambda: fleet.current()["Status"] == "Baking")
        assert fleet.group()["LaunchTemplate"]["Version"] == "1"
        assert fleet.ended() == "Successful"
        until(lambda: len(fleet.group()["Instances"]) == 2)
    assert {status for status, _ignored in load.answers} == {200}
    assert set(load.answers) == {(200, "r1"), (200, "r2")}
    assert (fleet.versions(), fleet.group()["LaunchTemplate"]["Version"]) == ({"2": 2}, "2")
    stopped = fleet.asg.describe_scaling_activities(AutoScalingGroupName=fleet.name)["Activities"]
    assert {one["StatusCode"] for one in stopped} == {"Successful"}


def test_a_dead_server_and_a_lost_machine_are_replaced(fleet: Fleet) -> None:
    first, second = fleet.machines()
    os.kill(first["pid"], SIGKILL)
    fleet.lab.control("PUT", "ec2", {"lost_instances": [second["instance"]]})
    gone = {first["instance"], second["instance"]}
    until(lambda: len(fleet.machines()) == 2 and not gone & {one["instance"] for one in fleet.machines()})
    until(lambda: fleet.healthy() == 2)
    causes = str(fleet.asg.describe_scaling_activities(AutoScalingGroupName=fleet.name)["Activities"])
    assert "ELB system health check failure" in causes
    fleet.lab.control("DELETE", "ec2")


def test_without_a_number_or_with_a_parameter_there_is_no_way_back(fleet: Fleet) -> None:
    fleet.lab.client("ssm").put_parameter(Name="/ami", Value=AMI, Type="String")
    named = fleet.version("2", "r6", image="resolve:ssm:/ami")
    template = {"LaunchTemplateId": fleet.template}
    wanted = {"LaunchTemplate": {**template, "Version": "2"}}
    for version in ("$Latest", "$Default", named):
        group = {"AutoScalingGroupName": f"{fleet.name}-{version.strip('$')}"}
        fleet.asg.create_auto_scaling_group(
            **group, LaunchTemplate={**template, "Version": version}, MinSize=0, MaxSize=1,
            VPCZoneIdentifier=fleet.subnets["private"][0],
        )  # fmt: skip
        with pytest.raises(ClientError, match="AutoRollback"):
            fleet.asg.start_instance_refresh(**group, DesiredConfiguration=wanted, Preferences={"AutoRollback": True})
        fleet.asg.start_instance_refresh(**group, DesiredConfiguration=wanted, Preferences={"BakeTime": 3600})
        with pytest.raises(ClientError, match="IrreversibleInstanceRefresh"):
            fleet.asg.rollback_instance_refresh(**group)
        fleet.asg.delete_auto_scaling_group(**group)


def test_a_schedule_restores_the_weights_also_twice(fleet: Fleet) -> None:
    scheduler, iam = fleet.lab.client("scheduler", attempts=1), fleet.lab.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="restore", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))

    def create(name: str) -> None:
        at = (datetime.now(UTC) + timedelta(seconds=2)).strftime("at(%Y-%m-%dT%H:%M:%S)")
        call = json.dumps({"RuleArn": fleet.rule, "Actions": fleet.forward(100, 0)})
        policy = {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 1}
        target = {"Arn": TARGET, "RoleArn": role["Role"]["Arn"], "Input": call, "RetryPolicy": policy}
        scheduler.create_schedule(
            Name=name, ScheduleExpression=at, FlexibleTimeWindow={"Mode": "OFF"}, Target=target,
            ActionAfterCompletion="DELETE",
        )  # fmt: skip

    def left() -> list[str]:
        return [one["Name"] for one in scheduler.list_schedules(NamePrefix="restore-")["Schedules"]]

    fleet.lab.control("PUT", "scheduler", {"rules": [{"only": "twice", "again": 10}], "precision": 0})
    fleet.elb.modify_rule(RuleArn=fleet.rule, Actions=fleet.forward(90, 10))
    create("restore-twice")
    assert left() == ["restore-twice"]
    until(lambda: not left())
    assert fleet.weights() == [100, 0]
    invoked = [one["fields"] for one in fleet.lab.control("GET", "log") if one["name"] == "schedule_invoked"]
    assert [(one["name"], one["error"]) for one in invoked] == [("restore-twice", "")] * 2


REFRESHES = ["Successful"]  # of the tests above, newest first


def test_stock_modules_read_the_group_and_its_refreshes(fleet: Fleet) -> None:
    def module(name: str) -> dict[str, Any]:
        line = [str(BIN / "ansible"), "localhost", "-m", f"amazon.aws.{name}", "-a", f"name={fleet.name}", "-o"]
        run = subprocess.run(
            line, capture_output=True, text=True, timeout=120, check=True,
            env={**fleet.lab.environment(), "ANSIBLE_LOCALHOST_WARNING": "false"},
        )  # fmt: skip
        found: dict[str, Any] = json.loads(run.stdout.partition("=> ")[2])
        return found

    (group,) = module("autoscaling_group_info")["results"]
    serving = [one for one in group["instances"] if one["lifecycle_state"] == "InService"]
    assert (group["desired_capacity"], len(serving)) == (2, 2)
    assert [hook["LifecycleHookName"] for hook in group["lifecycle_hooks"]] == ["drain"]
    refreshes = module("autoscaling_instance_refresh_info")["instance_refreshes"]
    assert [one["status"] for one in refreshes] == REFRESHES


def test_the_aws_cli_reads_the_group_and_its_refreshes(fleet: Fleet) -> None:
    def aws(command: str, *words: str) -> Any:
        line = [str(BIN / "aws"), "autoscaling", command, "--output", "json", *words]
        run = subprocess.run(
            line, capture_output=True, text=True, timeout=120, check=True, env=fleet.lab.environment()
        )  # fmt: skip
        return json.loads(run.stdout)

    (group,) = aws("describe-auto-scaling-groups", "--auto-scaling-group-names", fleet.name)["AutoScalingGroups"]
    assert (group["DesiredCapacity"], group["LaunchTemplate"]["LaunchTemplateId"]) == (2, fleet.template)
    shown = aws("describe-instance-refreshes", "--auto-scaling-group-name", fleet.name)["InstanceRefreshes"]
    assert [one["Status"] for one in shown] == REFRESHES


def test_a_deleted_group_takes_its_instances_along(fleet: Fleet) -> None:
    pids = {one["pid"] for one in fleet.machines()}
    fleet.asg.delete_auto_scaling_group(AutoScalingGroupName=fleet.name, ForceDelete=True)
    until(lambda: not fleet.asg.describe_auto_scaling_groups()["AutoScalingGroups"])
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
