# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control: three rollouts as they should not be done. Load that does not notice them proves nothing elsewhere."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.integration.lab.ecs_support import PORT, Cloud, Served, until
from tests.lab.aws.running import RunningLab

from .users import as_dict
from .watch import Watch

NOTICED = 100  # failed requests; fewer, and the load is blind
INTERVAL = 30  # AWS seconds between health checks, as in a target group whose maker named none
PATIENCE = 1000  # AWS seconds in which nobody minds that a new task is not healthy yet


class Careless(Served):
    """Health checks as they are by default, no time to drain, and weights by hand."""

    def balance(self) -> None:
        super().balance()
        for group in self.groups.values():
            self.elb.modify_target_group(TargetGroupArn=group, HealthCheckIntervalSeconds=INTERVAL)
            delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "0"}
            self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])

    def all_to_green(self) -> None:
        weights = [{"TargetGroupArn": self.groups[color], "Weight": w} for color, w in (("blue", 0), ("green", 100))]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
        self.elb.modify_rule(RuleArn=self.rule, Actions=[action])


def stop_first(served: Careless) -> None:
    """All old tasks end before a new one starts."""
    served.update(
        taskDefinition=served.define("2"),
        deploymentConfiguration={"minimumHealthyPercent": 0, "maximumPercent": 100},
    )
    served.settled()


def kill_at_once(served: Careless) -> None:
    """The old tasks are killed as soon as a new one runs, healthy or not."""
    old = {task["taskArn"]: served.pid(task) for task in served.tasks()}
    served.update(taskDefinition=served.define("slow-start"), healthCheckGracePeriodSeconds=PATIENCE)
    until(lambda: any(task["taskArn"] not in old and task["lastStatus"] == "RUNNING" for task in served.tasks()))
    for process in old.values():
        os.kill(process, signal.SIGKILL)
    until(lambda: served.ask()[0] == 200)


def switch_early(served: Careless) -> None:
    """A second service in the other target group gets all traffic as soon as its tasks run, healthy or not."""
    name = f"{served.name}-2"
    served.ecs.create_service(
        cluster=served.name,
        serviceName=name,
        taskDefinition=served.define("slow-start"),
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration=served.read()["networkConfiguration"],
        loadBalancers=[{"targetGroupArn": served.groups["green"], "containerName": "model", "containerPort": 8080}],
        healthCheckGracePeriodSeconds=PATIENCE,
    )

    def running() -> bool:
        (found,) = served.ecs.describe_services(cluster=served.name, services=[name])["services"]
        return bool(found["runningCount"] == 2)

    until(running)
    served.all_to_green()
    until(lambda: served.ask() == (200, "slow-start"))


NAIVE: dict[str, Callable[[Careless], None]] = {
    "naive-stop-first": stop_first,
    "naive-kill-at-once": kill_at_once,
    "naive-switch-early": switch_early,
}


def play(name: str, lab: RunningLab, rate: float, folder: Path) -> dict[str, Any]:
    """The document of one of them: right if the load noticed."""
    folder.mkdir(parents=True, exist_ok=True)
    served = Careless(Cloud(lab.state), f"n{secrets.token_hex(3)}")
    served.balance()
    served.create()
    served.settled()
    until(lambda: served.ask() == (200, "1"))
    with Watch(name, f"http://{served.address}:{PORT}", rate, folder) as watch:
        NAIVE[name](served)
    for arn in served.ecs.list_services(cluster=served.name)["serviceArns"]:
        served.ecs.delete_service(cluster=served.name, service=arn, force=True)
    seen = watch.users(lambda _detection: None, [])
    few = seen.load.dropped <= NOTICED
    found = [f"the load noticed {seen.load.dropped} failures, expected over {NOTICED}"] if few else []
    return {"cell": name, "ok": not found, "faults": found, "state": "as naive as it is", **as_dict(seen)}
