# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody changed the service by hand: every field is seen and mended, a deployment is started only where needed."""

from __future__ import annotations

from typing import Any

from tests.integration.ecs_rollout.stack import Stack


def test_fields_that_start_no_deployment_are_mended_without_one(served: Stack) -> None:
    ecs, elb = served.lab.client("ecs"), served.lab.client("elbv2")
    before = served.service()
    drifts: dict[str, Any] = {
        "availabilityZoneRebalancing": "DISABLED",
        "deploymentConfiguration": {
            "minimumHealthyPercent": 50,
            "maximumPercent": 150,
            "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        },
        "desiredCount": 3,
        "enableECSManagedTags": False,
        "healthCheckGracePeriodSeconds": 7,
        "propagateTags": "TASK_DEFINITION",
    }
    ecs.update_service(cluster=served.facts["cluster"], service=served.name, **drifts)
    ecs.untag_resource(resourceArn=before["serviceArn"], tagKeys=["greenlight:service"])
    rule = next(r for r in elb.describe_rules(ListenerArn=served.facts["test"])["Rules"] if not r["IsDefault"])
    elb.modify_rule(RuleArn=rule["RuleArn"], Conditions=[{"Field": "path-pattern", "Values": ["/other"]}])
    elb.set_rule_priorities(RulePriorities=[{"RuleArn": rule["RuleArn"], "Priority": 333}])

    planned = served.roll_out("1", check_mode=True, manage_desired_count=True)
    assert planned["state"] == "planned"
    for field in drifts:
        assert field in planned["diff"]["before"], field

    since = served.mark()
    mended = served.roll_out("1", manage_desired_count=True)
    assert (mended["state"], mended["changed"]) == ("live", True), mended["reason"]
    assert sorted(served.calls(since, mutating=True)) == [
        "ModifyRule",
        "PutObject",  # the lock, taken and freed
        "PutObject",
        "SetRulePriorities",
        "TagResource",
        "UpdateService",
    ]

    after = served.service()
    for field in ("availabilityZoneRebalancing", "desiredCount", "enableECSManagedTags", "propagateTags"):
        assert after[field] == before[field], field
    assert after["deploymentConfiguration"]["minimumHealthyPercent"] == 100
    assert after["deploymentConfiguration"]["deploymentCircuitBreaker"]["enable"] is True
    assert after["healthCheckGracePeriodSeconds"] == before["healthCheckGracePeriodSeconds"]
    started = ecs.list_service_deployments(cluster=served.facts["cluster"], service=served.name)["serviceDeployments"]
    assert len(started) == 1  # that of the first release
    rule = next(r for r in elb.describe_rules(ListenerArn=served.facts["test"])["Rules"] if not r["IsDefault"])
    assert rule["Priority"] == "100"

    since = served.mark()
    assert served.roll_out("1", manage_desired_count=True)["state"] == "unchanged"
    assert served.calls(since, mutating=True) == []


def test_a_desired_count_that_somebody_moved_stays_unless_it_is_managed(served: Stack) -> None:
    served.lab.client("ecs").update_service(cluster=served.facts["cluster"], service=served.name, desiredCount=3)
    since = served.mark()
    assert served.roll_out("1")["state"] == "unchanged"
    assert served.calls(since, mutating=True) == []
    served.roll_out("1", manage_desired_count=True)


def test_fields_that_start_a_deployment_are_mended_by_a_rollout_of_the_same_release(served: Stack) -> None:
    ecs, live = served.lab.client("ecs"), served.record()["live"]
    network = served.service()["networkConfiguration"]["awsvpcConfiguration"]
    stray = ecs.describe_task_definition(taskDefinition=served.service()["taskDefinition"])["taskDefinition"]
    wanted = ("family", "networkMode", "containerDefinitions", "requiresCompatibilities", "cpu", "memory")
    kept = {name: stray[name] for name in (*wanted, "executionRoleArn", "runtimePlatform")}
    by_hand = ecs.register_task_definition(**kept)["taskDefinition"]["taskDefinitionArn"]
    for drift in (
        {"networkConfiguration": {"awsvpcConfiguration": {**network, "subnets": network["subnets"][:2]}}},
        {"taskDefinition": by_hand},
    ):
        ecs.update_service(cluster=served.facts["cluster"], service=served.name, **drift)
        ecs.get_waiter("services_stable").wait(
            cluster=served.facts["cluster"], services=[served.name], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        result = served.roll_out("1")
        assert (result["state"], result["release"]["id"]) == ("live", live), (drift, result["reason"])
        found = served.service()["networkConfiguration"]["awsvpcConfiguration"]
        assert sorted(found["subnets"]) == sorted(network["subnets"])
        assert served.service()["taskDefinition"] != by_hand


def test_a_rule_that_disagrees_with_ecs_stops_everything(served: Stack) -> None:
    elb = served.lab.client("elbv2")
    rule = next(r for r in elb.describe_rules(ListenerArn=served.facts["production"])["Rules"] if not r["IsDefault"])
    halves = [{"TargetGroupArn": served.facts[which], "Weight": 50} for which in ("blue", "green")]
    elb.modify_rule(RuleArn=rule["RuleArn"], Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": halves}}])
    since = served.mark()
    result = served.roll_out("2")
    assert (result["state"], result["changed"]) == ("needs_operator", False)
    assert "serves through target group" in result["reason"]
    assert served.calls(since, mutating=True) == []
    elb.modify_rule(RuleArn=rule["RuleArn"], Actions=rule["Actions"])


def test_somebody_elses_deployment_is_named_and_not_touched(served: Stack) -> None:
    ecs = served.lab.client("ecs")
    stray = ecs.describe_task_definition(taskDefinition=served.service()["taskDefinition"])["taskDefinition"]
    container = {**stray["containerDefinitions"][0], "image": "models.example/digits:never-healthy"}
    kept = {name: stray[name] for name in ("family", "networkMode", "requiresCompatibilities", "cpu", "memory")}
    by_hand = ecs.register_task_definition(
        **kept, executionRoleArn=stray["executionRoleArn"], containerDefinitions=[container]
    )["taskDefinition"]["taskDefinitionArn"]
    endless = {"deploymentCircuitBreaker": {"enable": False, "rollback": False}}
    ecs.update_service(
        cluster=served.facts["cluster"], service=served.name, taskDefinition=by_hand, deploymentConfiguration=endless
    )
    since = served.mark()
    result = served.roll_out("2")
    assert (result["state"], result["changed"]) == ("needs_operator", False), result["reason"]
    assert by_hand.rpartition("/")[2] in result["reason"]
    assert served.calls(since, mutating=True) == []
