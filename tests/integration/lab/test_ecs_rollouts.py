# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts on a running lab: real processes behind a real proxy, driven by boto3."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.integration.lab.ecs_support import GRACE, Cloud, Served, running_lab, until
from tests.lab.images import registry

QUICK = {"Delay": 1, "MaxAttempts": 90}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_lab(tmp_path_factory.mktemp("lab")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def served(cloud: Cloud) -> Served:
    """Version 1, live. The tests below leave it live with a completed deployment."""
    served = cloud.serve("rolling")
    assert served.settled() == "SUCCESSFUL"
    return served


def images(served: Served) -> Counter[str]:
    return Counter(task["containers"][0]["image"] for task in served.tasks())


def test_a_first_release_serves(served: Served) -> None:
    assert until(lambda: served.ask() == (200, "1"))
    tasks = served.tasks()
    assert len({task["availabilityZone"] for task in tasks}) == 2
    assert {task["lastStatus"] for task in tasks} == {"RUNNING"}
    assert served.read()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_good_release_replaces_the_old_one_without_a_gap(served: Served) -> None:
    served.update(taskDefinition=served.define("2"))
    answers = Counter[tuple[int, str]]()
    while served.deployments()[0]["status"] in ("PENDING", "IN_PROGRESS"):
        answers[served.ask()] += 1
    assert {status for status, _ignored in answers} == {200}
    assert served.deployments()[0]["status"] == "SUCCESSFUL"
    assert images(served) == {registry.reference("2"): 2}
    assert until(lambda: served.ask() == (200, "2"))
    served.ecs.get_waiter("services_stable").wait(cluster="rolling", services=["rolling"], WaiterConfig=QUICK)


def test_a_release_that_never_gets_healthy_is_rolled_back_by_ecs(served: Served) -> None:
    before = served.read()["taskDefinition"]
    kept = {task["taskArn"] for task in served.tasks()}
    served.update(taskDefinition=served.define("never-healthy"))
    answers = Counter[tuple[int, str]]()
    while served.deployments()[0]["status"] in ("PENDING", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS"):
        answers[served.ask()] += 1
    assert set(answers) == {(200, "2")}
    newest = served.deployments()[0]
    assert newest["status"] == "ROLLBACK_SUCCESSFUL"
    assert newest["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert newest["deploymentCircuitBreaker"]["failureCount"] >= 3
    assert served.read()["taskDefinition"] == before
    assert {task["taskArn"] for task in served.tasks()} == kept
    assert any("deployment failed: tasks failed to start." in message for message in served.messages())
    reasons = {task["stoppedReason"] for task in served.tasks("STOPPED")}
    assert f"Task failed ELB health checks in (target-group {served.groups['blue']})" in reasons
    revisions = [newest["targetServiceRevision"]["arn"], newest["rollback"]["serviceRevisionArn"]]
    bad, good = served.ecs.describe_service_revisions(serviceRevisionArns=revisions)["serviceRevisions"]
    assert bad["taskDefinition"] != good["taskDefinition"] == before
    resolved = good["resolvedConfiguration"]["loadBalancers"][0]
    assert resolved["targetGroupArn"] == served.groups["blue"]


def test_an_image_that_is_not_there_is_rolled_back(served: Served) -> None:
    served.update(taskDefinition=served.define(image="models.example/digits:nowhere"))
    assert served.settled() == "ROLLBACK_SUCCESSFUL"
    stopped = [task for task in served.tasks("STOPPED") if task["stopCode"] == "TaskFailedToStart"]
    assert stopped
    assert all(task["stoppedReason"].startswith("CannotPullContainerError: ") for task in stopped)


def test_stop_service_deployment_rolls_back(served: Served) -> None:
    before = served.read()["taskDefinition"]
    served.update(taskDefinition=served.define("slow-start"))
    arn = until(lambda: (e := served.deployments()[0])["status"] == "IN_PROGRESS" and e["serviceDeploymentArn"])
    served.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    assert served.settled() == "ROLLBACK_SUCCESSFUL"
    assert served.read()["taskDefinition"] == before
    with pytest.raises(ClientError, match="ConflictException"):
        served.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    with pytest.raises(ClientError, match="ServiceDeploymentNotFoundException"):
        served.ecs.stop_service_deployment(serviceDeploymentArn=arn + "x")


def test_a_killed_process_is_replaced(served: Served) -> None:
    victim = served.tasks()[0]
    os.kill(served.pid(victim), signal.SIGKILL)
    served.ecs.get_waiter("tasks_stopped").wait(cluster="rolling", tasks=[victim["taskArn"]], WaiterConfig=QUICK)
    (seen,) = served.ecs.describe_tasks(cluster="rolling", tasks=[victim["taskArn"]])["tasks"]
    assert (seen["stopCode"], seen["containers"][0]["exitCode"]) == ("EssentialContainerExited", 137)
    assert until(lambda: served.read()["runningCount"] == 2)
    assert until(lambda: served.messages()[-1].endswith("has reached a steady state."))


def test_a_frozen_process_is_unhealthy_replaced_and_killed(served: Served) -> None:
    victim = served.tasks()[0]
    os.kill(served.pid(victim), signal.SIGSTOP)
    served.ecs.get_waiter("tasks_stopped").wait(cluster="rolling", tasks=[victim["taskArn"]], WaiterConfig=QUICK)
    (seen,) = served.ecs.describe_tasks(cluster="rolling", tasks=[victim["taskArn"]])["tasks"]
    assert seen["stoppedReason"].startswith("Task failed ELB health checks in (target-group ")
    assert seen["containers"][0]["exitCode"] == 137
    assert until(lambda: served.read()["runningCount"] == 2)


def test_stop_task_drains_and_replaces(served: Served) -> None:
    victim = served.tasks()[0]["taskArn"]
    served.ecs.stop_task(cluster="rolling", task=victim, reason="by hand")
    served.ecs.get_waiter("tasks_stopped").wait(cluster="rolling", tasks=[victim], WaiterConfig=QUICK)
    (seen,) = served.ecs.describe_tasks(cluster="rolling", tasks=[victim])["tasks"]
    assert (seen["stopCode"], seen["stoppedReason"]) == ("UserInitiated", "by hand")
    assert until(lambda: served.read()["runningCount"] == 2)


def test_scaling_starts_no_service_deployment(served: Served) -> None:
    before = [entry["serviceDeploymentArn"] for entry in served.deployments()]
    served.update(desiredCount=3)
    served.ecs.get_waiter("services_stable").wait(cluster="rolling", services=["rolling"], WaiterConfig=QUICK)
    tasks = [task["taskArn"] for task in served.tasks()]
    served.ecs.get_waiter("tasks_running").wait(cluster="rolling", tasks=tasks, WaiterConfig=QUICK)
    assert len(tasks) == 3
    served.update(desiredCount=2)
    assert until(lambda: served.read()["runningCount"] == 2)
    assert [entry["serviceDeploymentArn"] for entry in served.deployments()] == before


def test_what_starts_a_deployment_and_what_does_not(served: Served) -> None:
    count = len(served.deployments())
    seen = served.read()
    same = {"taskDefinition": seen["taskDefinition"], "networkConfiguration": seen["networkConfiguration"]}
    served.update(**same, loadBalancers=seen["loadBalancers"])
    served.update(
        healthCheckGracePeriodSeconds=GRACE + 1, availabilityZoneRebalancing="DISABLED", propagateTags="SERVICE"
    )
    served.update(deploymentConfiguration={"maximumPercent": 150})
    assert len(served.deployments()) == count
    after = served.read()
    assert (after["healthCheckGracePeriodSeconds"], after["availabilityZoneRebalancing"]) == (GRACE + 1, "DISABLED")
    assert after["deploymentConfiguration"]["maximumPercent"] == 150
    assert after["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"] is True
    served.update(forceNewDeployment=True)
    assert len(served.deployments()) == count + 1
    assert served.settled() == "SUCCESSFUL"


def test_advanced_configuration_is_kept_whatever_the_strategy(cloud: Cloud) -> None:
    served = Served(cloud, "advanced")
    served.balance()
    role = "arn:aws:iam::123456789012:role/infrastructure"
    advanced = {
        "alternateTargetGroupArn": served.groups["green"],
        "productionListenerRule": served.rule,
        "roleArn": role,
    }
    balancer = {"targetGroupArn": served.groups["blue"], "containerName": "model", "containerPort": 8080}
    wrong = {**advanced, "productionListenerRule": served.rule[:-1] + "x"}
    with pytest.raises(ClientError, match="One or more rules not found"):
        served.create(loadBalancers=[{**balancer, "advancedConfiguration": wrong}])
    with pytest.raises(ClientError, match="advancedConfiguration field is required"):
        served.create(deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0})
    served.create(loadBalancers=[{**balancer, "advancedConfiguration": advanced}], desiredCount=0)
    assert served.read()["loadBalancers"][0]["advancedConfiguration"] == advanced
    target = served.deployments()[0]["targetServiceRevision"]["arn"]
    (revision,) = served.ecs.describe_service_revisions(serviceRevisionArns=[target])["serviceRevisions"]
    assert revision["resolvedConfiguration"]["loadBalancers"] == [
        {"targetGroupArn": served.groups["blue"], "productionListenerRule": served.rule}
    ]


def test_delete_needs_force_and_ends_every_process(served: Served) -> None:
    pids = [served.pid(task) for task in served.tasks()]
    with pytest.raises(ClientError, match="cannot be stopped while it is scaled above 0"):
        served.ecs.delete_service(cluster="rolling", service="rolling")
    served.ecs.delete_service(cluster="rolling", service="rolling", force=True)
    assert served.ecs.list_services(cluster="rolling")["serviceArns"] == []
    assert served.read()["status"] == "DRAINING"
    served.ecs.get_waiter("services_inactive").wait(cluster="rolling", services=["rolling"], WaiterConfig=QUICK)
    until(lambda: all(not _alive(pid) for pid in pids))
    with pytest.raises(ClientError, match="ServiceNotActiveException"):
        served.update(desiredCount=1)
    until(lambda: _cluster_is_deleted(served))  # not before the last task is stopped


def _cluster_is_deleted(served: Served) -> bool:
    try:
        served.ecs.delete_cluster(cluster="rolling")
    except served.ecs.exceptions.ClusterContainsTasksException:
        return False
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
