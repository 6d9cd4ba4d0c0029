# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's life: first release, good and bad ones, refused, pinned, gone back to, removed."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request

from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_info, info
from ansible_collections.greenlight.serving.plugins.module_utils._glue.ending import attempt
from tests.integration.ecs_rollout.stack import Stack
from tests.lab.load.generator import BackgroundLoad, Load


class Public:
    """Asks the production listener as the public does, and remembers the statuses in the order they came."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.statuses: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Public:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.05):
            try:
                with urllib.request.urlopen(self._url + "/v2/health/ready", timeout=5) as answer:
                    self.statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                self.statuses.append(error.code)


def test_check_mode_before_anything_exists_changes_nothing(stack: Stack) -> None:
    since = stack.mark()
    result = stack.roll_out("1", check_mode=True)
    assert (result["state"], result["changed"], result["failed"]) == ("planned", True, False)
    assert stack.calls(since, mutating=True) == []
    told = "\n".join(line.text for line in stack.lines)
    for call in ("RegisterTaskDefinition", "CreateRule: production rule, closed", "CreateRule: test", "CreateService"):
        assert f"would call {call}" in told
    assert "containerDefinitions.model.image: models.example/digits:1@sha256:" in result["diff"]["after"]


def test_a_first_release_is_closed_until_it_is_proven(stack: Stack) -> None:
    with Public(stack.url) as public:
        result = stack.roll_out("1")
        opened = stack.mark()
        deadline = time.monotonic() + 10
        while 200 not in public.statuses and time.monotonic() < deadline:
            time.sleep(0.05)
    assert (result["state"], result["identity"], result["changed"]) == ("live", "proven", True), result["reason"]
    first = public.statuses.index(200)
    assert first > 0
    assert set(public.statuses[:first]) == {503}
    assert set(public.statuses[first:]) == {200}
    assert opened > 0
    assert stack.record()["live"] == result["release"]["id"]

    since = stack.mark()
    again = stack.roll_out("1")
    assert (again["state"], again["changed"]) == ("unchanged", False)
    assert stack.calls(since, mutating=True) == []
    assert len(stack.calls(since, mutating=False)) <= 12

    since = stack.mark()
    stack.roll_out("2", check_mode=True)
    assert stack.calls(since, mutating=True) == []


def test_a_first_release_that_fails_leaves_nothing_behind(stack: Stack) -> None:
    with Public(stack.url) as public:
        result = stack.roll_out("wrong-answers")
    assert result["state"] == "removed", result["reason"]
    assert result["failed"]
    assert set(public.statuses) == {503}
    elb = stack.lab.client("elbv2")
    for which in ("production", "test"):
        rules = elb.describe_rules(ListenerArn=stack.facts[which])["Rules"]
        assert [rule["IsDefault"] for rule in rules] == [True]
    assert stack.service()["status"] != "ACTIVE"
    assert stack.record()["rejected"]


def test_rollout_info_says_what_serves_and_what_is_known(served: Stack) -> None:
    params, known = served.parameters(), served.record()
    wanted = {name: params[name] for name in argspec_info.rollout_info() if name in params}
    found = attempt(info.run, argspec_info.rollout_info(), {**wanted, "platform": "ecs"}, check_mode=False)
    assert found["serving"] == {"id": known["live"], "label": known["releases"][known["live"]]}
    assert found["weights"]["production"] == {f"{served.name}-blue": 100, f"{served.name}-green": 0}
    assert (found["closed"], found["moving"], found["unfinished"]) == (False, None, {})
    assert [target["state"] for target in found["targets"]] == ["healthy", "healthy"]
    assert found["record"]["live"] == known["live"]
    # What it stands on can be given to the next rollout as it is.
    ground, given = found["ground"], params["load_balancer"]
    assert {name: given[name] for name in ground["load_balancer"]} == ground["load_balancer"]
    assert ground["network"]["subnets"] == sorted(params["network"]["subnets"])
    assert served.url.startswith(ground["url"])


def test_good_and_bad_releases_under_load(served: Stack) -> None:
    first = served.record()["live"]
    with BackgroundLoad(Load(served.url, rate=20, seconds=240, stream_seconds=0.3)) as load:
        good = served.roll_out("2")
        assert (good["state"], good["previous"]["id"]) == ("live", first), good["reason"]
        assert good["identity"] == "proven"
        second = good["release"]["id"]

        sick = served.roll_out("never-healthy")
        assert (sick["state"], sick["rollback_verified"]) == ("rolled_back", True), sick["reason"]
        assert "by ECS" in sick["reason"]
        assert load.summary().wrong_answers == 0

        wrong = served.roll_out("wrong-answers")
        assert (wrong["state"], wrong["rollback_verified"]) == ("rolled_back", True), wrong["reason"]
        assert "StopServiceDeployment" in "\n".join(line.text for line in served.lines)
    assert load.summary().dropped == 0, load.summary().causes

    known = served.record()
    assert (known["live"], known["last_good"]) == (second, first)
    assert set(known["rejected"]) == {sick["release"]["id"], wrong["release"]["id"]}

    since = served.mark()
    refused = served.roll_out("wrong-answers")
    assert (refused["state"], refused["changed"], refused["failed"]) == ("refused", False, True)
    assert "was rejected at" in refused["reason"]
    assert served.calls(since, mutating=True) == []


def test_last_good_is_pinned_until_the_inventory_agrees_or_it_is_unpinned(served: Stack) -> None:
    second = served.roll_out("2")["release"]["id"]
    first = served.record()["last_good"]
    ecs = served.lab.client("ecs")
    registered = ecs.list_task_definitions(familyPrefix=served.name)["taskDefinitionArns"]
    back = served.roll_out("2", target_release="last_good", pin=True)
    assert (back["state"], back["release"]["id"]) == ("live", first), back["reason"]
    assert served.record()["pinned"] == first

    since = served.mark()
    left_alone = served.roll_out("2")
    assert (left_alone["state"], left_alone["changed"]) == ("unchanged", False)
    assert "is pinned by" in left_alone["reason"]
    assert served.calls(since, mutating=True) == []

    forward = served.roll_out("2", unpin=True)
    assert (forward["state"], forward["release"]["id"]) == ("live", second), forward["reason"]
    assert served.record()["pinned"] == ""
    assert ecs.list_task_definitions(familyPrefix=served.name)["taskDefinitionArns"] == registered


def test_a_service_that_is_not_ours_is_not_removed(served: Stack) -> None:
    ecs, arn = served.lab.client("ecs"), served.service()["serviceArn"]
    ecs.untag_resource(resourceArn=arn, tagKeys=["greenlight:service"])
    since = served.mark()
    result = served.roll_out("1", state="absent")
    assert (result["state"], result["failed"]) == ("needs_operator", True), result["reason"]
    assert "does not carry the tag" in result["reason"]
    assert served.calls(since, mutating=True) == []
    assert served.service()["status"] == "ACTIVE"


def test_removal_takes_what_carries_our_tag_and_nothing_else(served: Stack) -> None:
    restored = served.roll_out("2")  # rules and tag, if another test took them
    assert restored["state"] in ("live", "unchanged"), restored["reason"]
    elb, ecs = served.lab.client("elbv2"), served.lab.client("ecs")
    foreign = elb.create_rule(
        ListenerArn=served.facts["production"],
        Priority=7,
        Conditions=[{"Field": "path-pattern", "Values": ["/elsewhere"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": served.facts["green"]}],
    )["Rules"][0]["RuleArn"]
    planned = served.roll_out("1", check_mode=True, state="absent")
    assert planned["state"] == "planned"
    result = served.roll_out("1", state="absent")
    assert (result["state"], result["failed"], result["changed"]) == ("removed", False, True), result["reason"]
    left = [
        r["RuleArn"] for r in elb.describe_rules(ListenerArn=served.facts["production"])["Rules"] if not r["IsDefault"]
    ]
    assert left == [foreign]
    assert ecs.list_task_definitions(familyPrefix=served.name, status="ACTIVE")["taskDefinitionArns"] == []
    assert served.service()["status"] != "ACTIVE"
    since = served.mark()
    again = served.roll_out("1", state="absent")
    assert (again["state"], again["changed"]) == ("unchanged", False)
    assert served.calls(since, mutating=True) == []
