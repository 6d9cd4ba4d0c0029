# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""alb_target_group against a running lab: as a task, idempotent, in check mode, under faults; what it never does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.greenlight.serving.plugins.module_utils._clients.aws import Aws
from ansible_collections.greenlight.serving.plugins.module_utils._glue.target_group import argument_spec, run
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError
from tests.lab.aws.running import RunningLab

ROOT = Path(__file__).resolve().parents[3]
HEALTH = {
    "path": "/v2/health/ready",
    "interval": 10,
    "timeout": 5,
    "healthy_threshold": 2,
    "unhealthy_threshold": 3,
    "matcher": "200",
}
ASKED: dict[str, Any] = {"health_check": HEALTH, "deregistration_delay": 60, "tags": {"a": "1"}}


class Module:
    """The module's work in this process, on one target group, with the calls that it made."""

    def __init__(self, lab: RunningLab, name: str) -> None:
        self.lab, self.name = lab, name
        state = lab.state
        self.connection = {option: state[option] for option in ("region", "access_key", "secret_key")}
        self.connection["endpoint_url"] = state["endpoint"]
        self.calls: list[str] = []
        self.changes: list[str] = []

    def options(self, **given: Any) -> dict[str, Any]:
        place = {} if given.get("state") == "absent" else {"vpc_id": self.lab.state["vpc_id"], "port": 8080}
        return {"name": self.name, **place, **given}

    def __call__(
        self, check_mode: bool = False, sleep: Callable[[float], None] = time.sleep, **given: Any
    ) -> dict[str, Any]:
        checked = ArgumentSpecValidator(argument_spec()).validate({**self.connection, **self.options(**given)})
        assert checked.error_messages == []
        before = max((call["id"] for call in self.lab.trace()), default=0)
        try:
            return run(checked.validated_parameters, check_mode, Aws(checked.validated_parameters), sleep)
        finally:
            calls = [call for call in self.lab.trace(before) if call["service"] == "elbv2"]
            self.calls = [call["operation"] for call in calls]
            self.changes = [call["operation"] for call in calls if call["mutating"]]


@pytest.fixture
def module(faulty_lab: RunningLab, request: pytest.FixtureRequest) -> Module:
    return Module(faulty_lab, request.node.name.replace("test_", "").replace("_", "-")[:32].strip("-"))


def test_life(module: Module) -> None:
    planned = module(check_mode=True, **ASKED)
    assert (planned["changed"], module.changes) == (True, [])
    assert planned["target_group"]["arn"].endswith(f":targetgroup/{module.name}/0000000000000000")

    made = module(**ASKED)
    assert (made["changed"], module.changes) == (True, ["CreateTargetGroup", "ModifyTargetGroupAttributes"])
    group = made["target_group"]
    assert {key: group["health_check"][key] for key in HEALTH} == HEALTH
    assert (group["deregistration_delay"], group["slow_start"], group["tags"]) == (60, 0, {"a": "1"})
    assert planned["target_group"]["health_check"].items() >= HEALTH.items()

    for check_mode in (False, True):
        again = module(check_mode=check_mode, **ASKED)
        assert (again["changed"], again["target_group"], len(module.calls)) == (False, group, 3)

    other = {"health_check": {**HEALTH, "interval": 15}, "minimum_healthy": {"dns_failover_count": "off"}}
    changed = module(**{**ASKED, **other, "slow_start": 30})["target_group"]
    assert module.changes == ["ModifyTargetGroup", "ModifyTargetGroupAttributes"]
    assert (changed["health_check"]["interval"], changed["slow_start"]) == (15, 30)
    assert changed["minimum_healthy"]["dns_failover_count"] == "off"

    gone = module(state="absent")
    assert (gone["changed"], module.changes) == (True, ["DeleteTargetGroup"])
    assert module(state="absent")["changed"] is False


def test_the_cloud_has_what_was_asked_for(module: Module) -> None:
    arn = module(**ASKED)["target_group"]["arn"]
    client = module.lab.client("elbv2")
    described = client.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    assert (described["HealthCheckIntervalSeconds"], described["Matcher"]) == (10, {"HttpCode": "200"})
    attributes = client.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "60"} in attributes


def test_what_cannot_be_changed_is_refused(module: Module) -> None:
    module()
    with pytest.raises(PortError, match=r"- port: cannot be changed(.|\n)*- target_type: cannot be changed"):
        module(port=9090, target_type="instance")
    assert module.changes == []


def test_targets_stay(module: Module) -> None:
    arn = module()["target_group"]["arn"]
    client = module.lab.client("elbv2")
    network = module.lab.state["network"].split(".")[1]
    targets = [{"Id": f"127.{network}.0.{host}", "Port": 8080} for host in (200, 201)]
    client.register_targets(TargetGroupArn=arn, Targets=targets)
    assert module(**ASKED)["changed"]
    known = client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert sorted(entry["Target"]["Id"] for entry in known) == [target["Id"] for target in targets]
    assert {entry["TargetHealth"]["State"] for entry in known} == {"unused"}


def test_faults_change_nothing_but_the_time(module: Module) -> None:
    faults = {"only": "elbv2", "throttle": 0.15, "error": 0.1, "lost": 0.25, "stale": 0.25}
    module.lab.control("PUT", "chaos", {"rules": [faults], "seed": 7})
    result = module(**ASKED)
    assert result["changed"]
    module.lab.control("DELETE", "chaos")
    again = module(**ASKED)
    assert (again["changed"], again["target_group"]) == (False, result["target_group"])


def test_a_target_group_in_use_stays(module: Module) -> None:
    client = module.lab.client("elbv2")
    arn = module()["target_group"]["arn"]
    subnets = module.lab.state["subnets"]["public"]
    balancer = client.create_load_balancer(Name="in-use", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": arn}]
    client.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=8000, DefaultActions=forward)
    with pytest.raises(PortError, match=r"ResourceInUse.*Remove the listeners and rules that forward to it first\.$"):
        module(state="absent", sleep=lambda _seconds: None)
    client.delete_load_balancer(LoadBalancerArn=balancer)
    assert module(state="absent")["changed"]


def test_as_tasks_of_a_play(module: Module, tmp_path: Path) -> None:
    """With connection options from the action group; check mode and diff by keyword."""
    name = "greenlight.serving.alb_target_group"
    options = module.options(**ASKED)
    results = str(tmp_path / "results.json")
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        "module_defaults": {"group/greenlight.serving.serving": module.connection},
        "tasks": [
            {name: options, "register": "planned", "check_mode": True, "diff": True},
            {name: options, "register": "made"},
            {name: {**options, "port": 1}, "register": "refused", "ignore_errors": True},
            {name: module.options(state="absent"), "register": "gone"},
            {"ansible.builtin.copy": {"content": "{{ [planned, made, refused, gone] | to_json }}", "dest": results}},
        ],
    }
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([play]))
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections")}
    line = [str(program), "-vvv", "-i", "localhost,", str(playbook)]
    done = subprocess.run(line, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "+++ after" in done.stdout
    assert module.connection["secret_key"] not in done.stdout + done.stderr
    planned, made, refused, gone = json.loads(Path(results).read_text())
    assert [result["changed"] for result in (planned, made, gone)] == [True, True, True]
    assert made["target_group"]["health_check"].items() >= HEALTH.items()
    assert "diff" not in made
    assert (refused["failed"], "port: cannot be changed" in refused["msg"]) == (True, True)
