# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot reads: against an account in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._platforms.ecs_read import Reader

from .ecs_params import params
from .ecs_world import NEW, OLD


class Account:
    """Task definitions by family, and a service that runs one of them."""

    def __init__(self, service: str = "") -> None:
        self.definitions: dict[str, dict[str, Any]] = {}
        self.service = service

    def register(self, family: str, release: str, status: str = "ACTIVE", of: str = "serving/digits") -> str:
        revision = len(self.definitions) + 1
        arn = f"arn:td/{family}:{revision}"
        tags = [{"key": "greenlight:release", "value": release}, {"key": "greenlight:service", "value": of}]
        content = {"taskDefinitionArn": arn, "family": family, "revision": revision, "status": status}
        self.definitions[arn] = {"taskDefinition": content, "tags": tags}
        return arn

    def read(self, _api: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        if operation == "describe_services" and self.service:
            return {"services": [{"status": "ACTIVE", "taskDefinition": self.service}]}
        if operation == "describe_task_definition":
            return self.definitions[arguments["taskDefinition"]]
        return {}

    write = read

    def pages(self, _api: str, operation: str, _key: str, /, **arguments: Any) -> Iterator[Any]:
        if operation == "list_task_definitions":
            for arn, answer in reversed(self.definitions.items()):
                found = answer["taskDefinition"]
                if (found["family"], found["status"]) == (arguments["familyPrefix"], arguments["status"]):
                    yield arn


class Rules(Account):
    """A listener with rules, and what their tags are."""

    asked = 0

    def read(self, api: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        if operation != "describe_tags":
            return super().read(api, operation, **arguments)
        self.asked += 1
        assert len(arguments["ResourceArns"]) <= 20
        tags = [{"Key": "greenlight:service", "Value": "serving/digits"}]
        return {"TagDescriptions": [{"ResourceArn": arn, "Tags": tags} for arn in arguments["ResourceArns"]]}

    def pages(self, api: str, operation: str, key: str, /, **arguments: Any) -> Iterator[Any]:
        if operation == "describe_rules":
            yield from ({"RuleArn": f"rule-{number}"} for number in range(25))
            yield {"RuleArn": "default", "IsDefault": True}
        yield from super().pages(api, operation, key, **arguments)


def test_rules_are_read_with_their_tags_and_those_only_once() -> None:
    account = Rules()
    looking = Reader(account, params(), lambda: 1.0)
    for _look in range(2):
        rules = looking.snapshot(("", "")).production_rules
        assert [bool(each["tags"]) for each in rules] == [*[True] * 25, False]
    assert account.asked == 2


def reader(account: Account) -> Reader:
    return Reader(account, {**params(), "task_definition": None, "load_balancer": None}, lambda: 1.0)


@pytest.mark.parametrize("family", ["digits", "serving-digits", "named-by-hand"])
def test_a_removal_finds_the_task_definitions_in_whatever_family_they_are(family: str) -> None:
    account = Account()
    mine = {account.register(family, OLD), account.register(family, NEW)}
    account.register(family, NEW, of="serving/other")
    account.service = min(mine)
    found = reader(account).snapshot(("", ""), every_definition=True)
    assert {arn for arn, definition in found.definitions.items() if definition["release"]} == mine


def test_a_removal_that_goes_on_without_its_service_finds_the_family_of_the_role() -> None:
    account = Account()
    mine = account.register("serving-digits", OLD)
    assert list(reader(account).snapshot(("", ""), every_definition=True).definitions) == [mine]


def test_an_active_definition_is_looked_for_when_the_one_that_ran_was_deregistered() -> None:
    account = Account()
    account.service = account.register("digits", OLD, status="INACTIVE")
    looking = reader(account)
    assert looking.snapshot((OLD, "")).definition_of(OLD) == ""
    again = account.register("digits", OLD)
    looking.forget_definitions()
    assert looking.snapshot((OLD, "")).definition_of(OLD) == again


def test_what_we_registered_is_described_also_while_no_listing_shows_it() -> None:
    account = Account()
    made = account.register("elsewhere", OLD)
    looking = reader(account)
    looking.registered(made)
    assert looking.snapshot((OLD, "")).definition_of(OLD) == made
