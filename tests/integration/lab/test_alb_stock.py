# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stock Ansible modules and the AWS CLI against the lab's load balancers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab.alb_world import World, get, running
from tests.unit.lab.aws.plane.harness import until

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with running(tmp_path_factory.mktemp("lab")) as state:
        yield state


def play(name: str, world: World, result: Path) -> None:
    lab = world.lab
    options = {
        "aws": {
            "region": lab["region"],
            "endpoint_url": lab["endpoint"],
            "access_key": lab["access_key"],
            "secret_key": lab["secret_key"],
        },
        "vpc_id": lab["vpc_id"],
        "subnets": lab["subnets"]["public"],
        "security_group": world.lb_group,
        "result": str(result),
    }
    run = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "localhost,", "-e", json.dumps(options), str(HERE / name)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=result.parent,
        env={"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(result.parent), "ANSIBLE_LOCALHOST_WARNING": "false"},
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_stock_modules_converge_are_idempotent_and_the_balancer_serves(lab: dict[str, Any], tmp_path: Path) -> None:
    world, result = World(lab), tmp_path / "result.json"
    play("alb_stock_modules.yml", world, result)
    first = json.loads(result.read_text())
    group = first["group"]["target_groups"][0]["target_group_arn"]
    backend = world.target(group=group)
    until(lambda: world.health(group) == [("healthy", "")])
    play("alb_stock_modules.yml", world, result)
    second = json.loads(result.read_text())

    assert (first["changed"], second["changed"]) == ([True, True], [False, False])
    (balancer,) = second["balancer"]["load_balancers"]
    assert balancer["state"]["code"] == "active"
    assert balancer["idle_timeout_timeout_seconds"] == "120"
    assert balancer["routing_http_drop_invalid_header_fields_enabled"] == "true"
    assert balancer["tags"] == {"owner": "greenlight"}
    (shown,) = second["group"]["target_groups"]
    assert shown["deregistration_delay_timeout_seconds"] == "20"
    assert shown["load_balancing_algorithm_type"] == "least_outstanding_requests"
    assert shown["load_balancer_arns"] == [balancer["load_balancer_arn"]]
    assert [one["target_health"]["state"] for one in shown["targets_health_description"]] == ["healthy"]

    assert get(balancer["dns_name"], X_Invalid="1") == (200, b"ok")
    assert b"X_Invalid" not in backend.requests[-1]
    backend.close()
    play("alb_stock_removal.yml", world, result)
    assert world.elb.describe_load_balancers()["LoadBalancers"] == []
    assert world.elb.describe_target_groups()["TargetGroups"] == []


def test_the_aws_cli_waits_and_reads(lab: dict[str, Any]) -> None:
    world = World(lab)
    balancer = world.balancer()

    def aws(*words: str) -> str:
        run = subprocess.run(
            [str(BIN / "aws"), "--endpoint-url", lab["endpoint"], "--region", lab["region"], "elbv2", *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            env=dict(os.environ) | {"AWS_ACCESS_KEY_ID": lab["access_key"], "AWS_SECRET_ACCESS_KEY": lab["secret_key"]},
        )
        return run.stdout

    until(
        lambda: (
            world.elb.describe_load_balancers(LoadBalancerArns=[balancer["LoadBalancerArn"]])["LoadBalancers"][0][
                "State"
            ]["Code"]
            == "active"
        )
    )
    aws("wait", "load-balancer-available", "--load-balancer-arns", balancer["LoadBalancerArn"])
    shown = json.loads(aws("describe-load-balancers", "--output", "json"))["LoadBalancers"]
    assert [one["DNSName"] for one in shown] == [balancer["DNSName"]]
