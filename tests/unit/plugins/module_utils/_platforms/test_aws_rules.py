# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules in front: which is ours, open or closed, and where they send requests."""

from __future__ import annotations

from typing import Any

from ansible_collections.greenlight.serving.plugins.module_utils._platforms import aws_rules

from .ecs_params import BLUE, GREEN, PRODUCTION, params

MINE = {"greenlight:service": "serving/digits"}


def rule(arn: str, priority: str, group: str = BLUE, conditions: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": group, "Weight": 100}]}}]
    return {"RuleArn": arn, "Priority": priority, "Conditions": conditions or [], "Actions": actions}


def test_ours_is_what_ecs_names_then_what_carries_our_tag_at_our_priority_first() -> None:
    foreign = rule("foreign", "100", "arn:other")
    first, second = (
        {**rule(name, at, to), "tags": MINE} for name, at, to in (("first", "7", BLUE), ("second", "100", GREEN))
    )
    default = {**rule("default", "default"), "IsDefault": True}
    assert aws_rules.ours([default, foreign, first, second], params(), "first")["RuleArn"] == "first"
    assert aws_rules.ours([default, foreign, first, second], params())["RuleArn"] == "second"
    assert aws_rules.ours([default, foreign, first], params())["RuleArn"] == "first"
    assert aws_rules.ours([default, foreign], params()) is None


def test_a_rule_of_somebody_else_that_forwards_to_our_groups_is_not_ours() -> None:
    by_hand = rule("by-hand", "100")
    theirs = {**by_hand, "tags": {"greenlight:service": "serving/other"}}
    assert aws_rules.ours([by_hand, theirs], params()) is None
    assert aws_rules.ours([by_hand, theirs], params(), "by-hand") == by_hand


def test_a_closed_rule_asks_for_the_proof_and_an_open_one_does_not() -> None:
    closed = rule("a", "1", conditions=aws_rules.conditions(params(), "s3cret"))
    opened = rule("a", "1", conditions=aws_rules.conditions(params()))
    assert (aws_rules.proof_of(closed), aws_rules.proof_of(opened), aws_rules.proof_of(None)) == ("s3cret", "", "")
    assert aws_rules.same_conditions(closed, aws_rules.conditions(params(), "s3cret"))
    assert not aws_rules.same_conditions(closed, aws_rules.conditions(params()))


def test_conditions_are_the_same_in_either_spelling_and_any_order() -> None:
    wanted = params(**{"load_balancer.rule": {"path_patterns": ["/a", "/b"], "host_headers": ["x.example"]}})
    as_read = [
        {"Field": "host-header", "Values": ["x.example"], "HostHeaderConfig": {"Values": ["x.example"]}},
        {"Field": "path-pattern", "Values": ["/b", "/a"]},
    ]
    assert aws_rules.same_conditions({"Conditions": as_read}, aws_rules.conditions(wanted))


def test_everything_goes_to_the_live_group_and_the_other_stays_attached() -> None:
    actions = aws_rules.forward(params(), GREEN)
    assert aws_rules.weights({"Actions": actions}) == {BLUE: 0, GREEN: 100}
    assert aws_rules.weights({"Actions": [{"Type": "forward", "TargetGroupArn": BLUE}]}) == {BLUE: 1}
    assert aws_rules.weights({"Actions": [{"Type": "fixed-response"}]}) == {}


def test_a_new_rule_names_listener_priority_and_tags() -> None:
    given = aws_rules.creation(params(), PRODUCTION, BLUE, "s3cret", [{"Key": "a", "Value": "b"}])
    assert (given["ListenerArn"], given["Priority"], given["Tags"]) == (PRODUCTION, 100, [{"Key": "a", "Value": "b"}])
    assert aws_rules.proof_of(given) == "s3cret"
