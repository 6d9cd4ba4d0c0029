# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls that each verb would still make, in every situation: one at a time, and none when the effect is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_read import Snapshot
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_steps import Step

from .ecs_params import BLUE, GREEN, PRODUCTION, TEST
from .ecs_world import DEFINITIONS, FIELDS, NEW, OLD, OLDER, definition, rule, snapshot, steps

NOTHING = Snapshot(at=1.0)
BEFORE = (OLD, "SUCCESSFUL")


def operations(found: list[Step]) -> list[str]:
    return [step.operation for step in found]


def fits_the_api(step: Step) -> bool:
    model = botocore.session.get_session().get_service_model(step.service)
    operation = "".join(word.capitalize() for word in step.operation.split("_"))
    report = ParamValidator().validate(dict(step.arguments), model.operation_model(operation).input_shape)
    return not report.has_errors()


# ---- BEGIN ----


def test_a_first_release_is_registered_closed_and_created() -> None:
    found = steps(NOTHING).begin()
    assert operations(found) == ["register_task_definition", "create_rule", "create_rule", "create_service"]
    production, test = found[1].arguments, found[2].arguments
    assert (production["ListenerArn"], test["ListenerArn"]) == (PRODUCTION, TEST)
    assert any(condition["Field"] == "http-header" for condition in production["Conditions"])
    assert not any(condition["Field"] == "http-header" for condition in test["Conditions"])
    assert all(fits_the_api(step) for step in found)


def test_what_exists_already_of_a_first_release_is_not_made_again() -> None:
    there = replace(
        NOTHING, definitions={DEFINITIONS[NEW]: definition(NEW)}, production_rules=(rule("production", "proof"),)
    )
    found = steps(there).begin()
    assert operations(found) == ["create_rule", "create_service"]
    assert found[-1].arguments["taskDefinition"] == DEFINITIONS[NEW]
    token = found[-1].arguments["clientToken"]
    assert len(token) <= 36
    assert steps(there).begin()[-1].arguments["clientToken"] == token  # the same call again is the same call


def test_an_open_rule_is_closed_before_a_service_is_made_behind_it() -> None:
    there = replace(NOTHING, production_rules=(rule("production"),), test_rules=(rule("test"),))
    found = steps(there).begin()
    assert [step.line for step in found if "rule" in step.operation] == [
        "ModifyRule: production rule, close it until the release is proven"
    ]


def test_a_new_release_is_registered_and_the_service_updated() -> None:
    seen = snapshot(BEFORE)
    found = steps(replace(seen, definitions={DEFINITIONS[OLD]: definition(OLD)})).begin()
    assert operations(found) == ["register_task_definition", "update_service"]
    found = steps(seen).begin()
    assert operations(found) == ["update_service"]
    assert found[0].arguments == {"cluster": "serving", "service": "digits", "taskDefinition": DEFINITIONS[NEW]}


def test_an_inactive_definition_is_registered_anew() -> None:
    seen = snapshot(BEFORE)
    gone = {**seen.definitions, DEFINITIONS[NEW]: definition(NEW, status="INACTIVE")}
    assert operations(steps(replace(seen, definitions=gone)).begin()) == ["register_task_definition", "update_service"]


def test_nothing_is_begun_that_is_there() -> None:
    assert steps(snapshot(BEFORE, (NEW, "IN_PROGRESS"), serves=NEW)).begin() == []
    assert steps(snapshot(BEFORE, (NEW, "SUCCESSFUL"), serves=NEW)).begin() == []


def test_a_live_release_whose_definition_was_deregistered_or_doubled_is_left_alone() -> None:
    seen = snapshot((NEW, "SUCCESSFUL"), serves=NEW)
    inactive = {**seen.definitions, DEFINITIONS[NEW]: definition(NEW, status="INACTIVE")}
    assert steps(replace(seen, definitions=inactive)).begin() == []
    doubled = {**seen.definitions, "arn:td/digits:9": {**definition(NEW), "revision": 9}}
    assert steps(replace(seen, definitions=doubled)).begin() == []


@pytest.mark.parametrize(
    ("drift", "field"),
    [
        ({"platformVersion": "1.3.0"}, "platformVersion"),
        ({"networkConfiguration": {}}, "networkConfiguration"),
        ({"loadBalancers": [{**FIELDS["loadBalancers"][0], "containerPort": 1}]}, "loadBalancers"),
        ({"serviceRegistries": [{"registryArn": "x"}]}, "serviceRegistries"),
        ({"deployments": [{"volumeConfigurations": [{"name": "x"}]}]}, "volumeConfigurations"),
        ({"deployments": [{"serviceConnectConfiguration": {"enabled": True}}]}, "serviceConnectConfiguration"),
    ],
)
def test_a_drifted_field_is_sent_with_the_same_task_definition(drift: dict[str, Any], field: str) -> None:
    seen = snapshot((NEW, "SUCCESSFUL"), serves=NEW, service=drift)
    found = steps(seen).begin()
    assert operations(found) == ["update_service"]
    assert set(found[0].arguments) == {"cluster", "service", "taskDefinition", field}
    assert fits_the_api(found[0])


def test_an_earlier_release_goes_back_with_its_own_fields() -> None:
    seen = snapshot((OLDER, "SUCCESSFUL"), BEFORE, service={"networkConfiguration": {}})
    arguments = steps(seen, release=OLDER).begin()[0].arguments
    assert arguments["taskDefinition"] == DEFINITIONS[OLDER]
    assert arguments["networkConfiguration"] == FIELDS["networkConfiguration"]


# ---- CONFIGURE, FINISH ----


def test_settings_rules_and_tags_are_mended_in_calls_of_their_own() -> None:
    other = {**rule("production"), "Priority": "7", "Conditions": []}
    seen = snapshot(BEFORE, service={"healthCheckGracePeriodSeconds": 1, "tags": {}}, production_rules=(other,))
    found = steps(seen).configure()
    assert operations(found) == ["modify_rule", "set_rule_priorities", "update_service", "tag_resource"]
    assert set(found[2].arguments) == {"cluster", "service", "healthCheckGracePeriodSeconds"}
    assert all(fits_the_api(step) for step in found)


def test_a_rule_that_vanished_is_made_again_open_when_something_was_proven_before() -> None:
    found = steps(snapshot(BEFORE, production_rules=())).configure()
    assert operations(found) == ["create_rule"]
    assert not any(condition["Field"] == "http-header" for condition in found[0].arguments["Conditions"])


def test_a_closed_rule_stays_closed_while_it_is_mended_and_finish_opens_it() -> None:
    closed = {**rule("production", "s3cret"), "Priority": "7"}
    seen = snapshot((NEW, "SUCCESSFUL"), serves=NEW, production_rules=(closed,))
    assert operations(steps(seen).configure()) == ["set_rule_priorities"]
    found = steps(seen).finish()
    assert operations(found) == ["modify_rule"]
    assert [condition["Field"] for condition in found[0].arguments["Conditions"]] == ["path-pattern"]
    assert steps(snapshot(BEFORE)).finish() == []


def test_nothing_is_configured_without_a_service() -> None:
    assert steps(NOTHING).configure() == []


# ---- ROLL_BACK ----


def test_our_deployment_in_progress_is_stopped_by_its_arn() -> None:
    found = steps(snapshot(BEFORE, (NEW, "IN_PROGRESS"), serves=NEW), previous=OLD).roll_back()
    assert operations(found) == ["stop_service_deployment"]
    assert found[0].arguments == {"serviceDeploymentArn": "deployment-1", "stopType": "ROLLBACK"}
    assert fits_the_api(found[0])


@pytest.mark.parametrize("status", ["ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"])
def test_while_ecs_rolls_back_there_is_nothing_to_do(status: str) -> None:
    assert steps(snapshot(BEFORE, (NEW, status), serves=NEW), previous=OLD).roll_back() == []


def test_a_completed_release_is_taken_back_by_an_update() -> None:
    found = steps(snapshot(BEFORE, (NEW, "SUCCESSFUL"), serves=NEW), previous=OLD).roll_back()
    assert operations(found) == ["update_service"]
    assert found[0].arguments["taskDefinition"] == DEFINITIONS[OLD]


def test_a_deployment_that_stopped_halfway_is_taken_back_by_an_update() -> None:
    found = steps(snapshot(BEFORE, (NEW, "STOPPED"), serves=NEW), previous=OLD).roll_back()
    assert operations(found) == ["update_service"]


def test_ecs_going_back_to_another_release_than_ours_is_overruled() -> None:
    """The record's live release is not what ECS completed last."""
    found = steps(snapshot((OLDER, "SUCCESSFUL"), BEFORE, (NEW, "IN_PROGRESS"), serves=NEW), previous=OLDER).roll_back()
    assert operations(found) == ["update_service"]
    assert found[0].arguments["taskDefinition"] == DEFINITIONS[OLDER]


def test_what_is_back_or_on_its_way_back_is_left_alone() -> None:
    assert steps(snapshot(BEFORE, (NEW, "ROLLBACK_SUCCESSFUL")), previous=OLD).roll_back() == []
    going = snapshot(BEFORE, (NEW, "SUCCESSFUL"), (OLD, "IN_PROGRESS"))
    assert steps(going, previous=OLD).roll_back() == []


def test_without_a_named_release_what_ecs_completed_before_comes_back_whosever_it_is() -> None:
    seen = snapshot(("", "SUCCESSFUL"), (NEW, "SUCCESSFUL"), serves=NEW)
    found = steps(seen).roll_back()
    assert found[0].arguments["taskDefinition"] == DEFINITIONS[""]
    assert "no release of ours" in found[0].line


def test_with_nothing_to_go_back_to_nothing_is_removed() -> None:
    assert steps(snapshot((NEW, "SUCCESSFUL"), serves=NEW)).roll_back() == []


def test_a_first_release_is_removed_with_its_rules() -> None:
    closed = snapshot((NEW, "IN_PROGRESS"), serves=NEW, production_rules=(rule("production", "proof"),))
    found = steps(closed, first=True).roll_back()
    assert operations(found) == ["delete_service", "delete_rule", "delete_rule"]
    assert [step.arguments.get("RuleArn") for step in found[1:]] == ["rule-test", "rule-production"]


MINE = {"greenlight:service": "serving/digits"}


@pytest.mark.parametrize(
    ("made_by", "begun", "why"),
    [
        ("20260301T000000Z-aaaaaa", "20260301T000000Z-aaaaaa", ""),
        ("20260301T000000Z-aaaaaa", "20260302T000000Z-bbbbbb", "was made by rollout 20260301T000000Z-aaaaaa, not by"),
        ("", "20260302T000000Z-bbbbbb", "was made by no rollout that is known"),
        ("", "", "was made by no rollout that is known"),
    ],
)
def test_what_the_public_reaches_is_removed_by_the_rollout_that_made_it_alone(
    made_by: str, begun: str, why: str
) -> None:
    tags = {**MINE, **({"greenlight:made-by": made_by} if made_by else {})}
    seen = snapshot((NEW, "SUCCESSFUL"), serves=NEW, service={"tags": tags})
    found = steps(seen, first=True, begun=begun)
    assert why in found.view.not_a_first_release(begun)
    assert bool(found.roll_back()) is (why == "")


@pytest.mark.parametrize("begun", ["", "20260302T000000Z-bbbbbb"])
def test_a_service_says_which_rollout_made_it(begun: str) -> None:
    """One that is gone on with keeps its id, whatever run creates the service."""
    tags = steps(NOTHING, begun=begun).begin()[-1].arguments["tags"]
    assert {"key": "greenlight:made-by", "value": begun or "20260301T000000Z-aaaaaa"} in tags


@pytest.mark.parametrize(
    ("history", "service", "why"),
    [
        ([(NEW, "IN_PROGRESS")], {"tags": {}}, "does not carry the tag"),
        ([(NEW, "IN_PROGRESS")], {"tags": {"greenlight:service": "serving/other"}}, "does not carry the tag"),
        ([BEFORE, (NEW, "IN_PROGRESS")], {}, "ran digits:2 before"),
        ([(OLD, "ROLLBACK_SUCCESSFUL"), ("", "SUCCESSFUL")], {}, "ran digits:4 before"),
        (
            [(NEW, "STOPPED")],
            {"deployments": [{"rolloutState": "COMPLETED", "taskDefinition": DEFINITIONS[OLD]}]},
            "ran digits:2 before",
        ),
    ],
)
def test_a_service_that_was_there_before_is_not_removed_as_a_first_release(
    history: list[tuple[str, str]], service: dict[str, Any], why: str
) -> None:
    made = steps(snapshot(*history, serves=NEW, service=service), first=True)
    assert made.roll_back() == []
    assert why in made.view.not_a_first_release("")


def test_the_live_group_is_read_and_never_assumed_to_be_blue() -> None:
    entry = {**FIELDS["loadBalancers"][0], "targetGroupArn": GREEN}
    entry["advancedConfiguration"] = {**entry["advancedConfiguration"], "alternateTargetGroupArn": BLUE}
    seen = snapshot(BEFORE, service={"loadBalancers": [entry]}, production_rules=(rule("production", live=GREEN),))
    revision = {**seen.revisions["revision-0"], "resolvedConfiguration": {"loadBalancers": [{"targetGroupArn": GREEN}]}}
    seen = replace(seen, revisions={"revision-0": revision}, test_rules=(rule("test", live=GREEN),))
    assert steps(seen).view.live_group() == GREEN
    assert steps(seen).view.problem() == ""
    assert "loadBalancers" not in steps(seen).begin()[0].arguments


# ---- REMOVE ----


def test_removal_goes_backwards_and_takes_only_what_carries_our_tag() -> None:
    mine = {DEFINITIONS[OLD]: definition(OLD), DEFINITIONS[""]: definition("")}
    others = {**rule("test"), "tags": {}}
    seen = replace(snapshot(BEFORE), definitions=mine, test_rules=(others,))
    found = steps(seen, remove=True).remove()
    assert operations(found) == ["delete_service", "delete_rule", "deregister_task_definition"]
    assert found[1].arguments == {"RuleArn": "rule-production"}
    assert found[2].arguments == {"taskDefinition": DEFINITIONS[OLD]}
    untagged = replace(seen, service={**(seen.service or {}), "tags": {}})
    assert steps(untagged, remove=True).remove() == []


# ---- a task definition that was deregistered ----


def deregistered(seen: Snapshot, release: str) -> Snapshot:
    gone = definition(release, status="INACTIVE", family="digits", tags={"greenlight:release": release, "aws:x": "y"})
    return replace(seen, definitions={**seen.definitions, DEFINITIONS[release]: gone})


def test_while_the_deployment_moves_ecs_goes_back_to_a_deregistered_definition_by_itself() -> None:
    seen = deregistered(snapshot(BEFORE, (NEW, "IN_PROGRESS"), serves=NEW), OLD)
    assert operations(steps(seen, previous=OLD).roll_back()) == ["stop_service_deployment"]
    assert operations(steps(seen).roll_back()) == ["stop_service_deployment"]


@pytest.mark.parametrize(("previous", "before"), [(OLD, OLD), ("", OLD), ("", "")])
def test_a_deregistered_definition_is_registered_again_before_a_rollback_to_it(previous: str, before: str) -> None:
    seen = deregistered(snapshot((before, "SUCCESSFUL"), (NEW, "SUCCESSFUL"), serves=NEW), before)
    found = steps(seen, previous=previous).roll_back()
    assert operations(found) == ["register_task_definition", "update_service"]
    assert found[0].arguments["tags"] == [{"key": "greenlight:release", "value": before}]
    assert all(fits_the_api(step) for step in found)
    again = {**seen.definitions[DEFINITIONS[before]], "status": "ACTIVE", "revision": 9}
    found = steps(replace(seen, definitions={**seen.definitions, "arn:td/digits:9": again}), previous=previous)
    assert [step.arguments["taskDefinition"] for step in found.roll_back()] == ["arn:td/digits:9"]


def test_an_earlier_release_whose_definition_was_deregistered_is_registered_again() -> None:
    found = steps(deregistered(snapshot((OLDER, "SUCCESSFUL"), BEFORE), OLDER), release=OLDER).begin()
    assert operations(found) == ["register_task_definition", "update_service"]
    assert found[0].arguments["containerDefinitions"][0]["image"] == f"digits:{OLDER}"


def test_an_earlier_release_without_any_definition_is_refused_and_never_sent() -> None:
    seen = snapshot(BEFORE)
    seen = replace(seen, definitions={DEFINITIONS[OLD]: definition(OLD)})
    gone = steps(seen, release=OLDER)
    assert gone.begin() == []
    assert [finding.field for finding in gone.view.gone()] == ["target_release"]
    assert steps(seen).view.gone() == []


# ---- history that was forgotten ----


def entry(release: str, state: str, status: str = "PRIMARY") -> dict[str, Any]:
    return {"id": "ecs-svc/1", "status": status, "rolloutState": state, "taskDefinition": DEFINITIONS[release]}


@pytest.mark.parametrize(
    ("history", "serves", "entries", "serving"),
    [
        ([(NEW, "STOPPED")], OLD, [entry(OLD, "COMPLETED")], OLD),
        ([(NEW, "IN_PROGRESS")], NEW, [entry(NEW, "IN_PROGRESS"), entry(OLD, "COMPLETED", "ACTIVE")], OLD),
        ([(NEW, "IN_PROGRESS")], NEW, [entry(NEW, "IN_PROGRESS")], ""),
    ],
)
def test_an_open_rule_in_front_of_a_service_is_never_closed(
    history: list[tuple[str, str]], serves: str, entries: list[dict[str, Any]], serving: str
) -> None:
    seen = snapshot(*history, serves=serves, service={"deployments": entries})
    assert steps(seen).view.serving() == serving
    assert steps(seen).configure() == []
    assert "modify_rule" not in operations(steps(seen).begin())


def test_a_lost_rule_is_made_open_when_the_service_itself_says_that_something_was_completed() -> None:
    seen = snapshot((NEW, "STOPPED"), service={"deployments": [entry(OLD, "COMPLETED")]}, production_rules=())
    assert "closed" not in steps(seen).configure()[0].line
    moving = snapshot((NEW, "IN_PROGRESS"), service={"deployments": [entry(NEW, "IN_PROGRESS")]}, production_rules=())
    assert "closed" in steps(moving).configure()[0].line
