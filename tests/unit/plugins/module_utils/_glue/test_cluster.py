# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster module: which calls, for what there is and what is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Outcome
from ansible_collections.greenlight.serving.plugins.module_utils._glue.cluster import Cluster, calls, kept, look, run
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.base import PortError

ARN = "arn:aws:ecs:eu-central-1:123456789012:cluster/models"
PARAMS: dict[str, Any] = {
    "name": "models",
    "state": "present",
    "owner": "me",
    "container_insights": "enhanced",
    "tags": {"stage": "test"},
}
ABSENT = {**PARAMS, "state": "absent"}
OURS = Cluster(ARN, "enhanced", {"greenlight:owner": "me", "stage": "test", "cost": "7"})


class Cloud:
    """Answers with one cluster, remembers what it was told to do."""

    def __init__(self, **cluster: Any) -> None:
        self.cluster = cluster
        self.written: list[tuple[str, dict[str, Any]]] = []

    def read(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        assert (service, operation) == ("ecs", "describe_clusters")
        assert arguments == {"clusters": ["models"], "include": ["SETTINGS", "TAGS"]}
        return {"clusters": [self.cluster] if self.cluster else [], "failures": []}

    def write(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        assert service == "ecs"
        self.written.append((operation, arguments))
        return {"cluster": {"clusterArn": ARN}}


def described(**changed: Any) -> dict[str, Any]:
    tags = [{"key": "greenlight:owner", "value": "me"}, {"key": "stage", "value": "test"}]
    settings = [{"name": "containerInsights", "value": "enhanced"}]
    return {"clusterArn": ARN, "status": "ACTIVE", "settings": settings, "tags": tags, **changed}


def test_a_missing_cluster_is_made_with_insights_and_tags_in_one_call() -> None:
    (call,) = calls(Cluster(), PARAMS)
    assert call.operation == "create_cluster"
    assert call.arguments == {
        "clusterName": "models",
        "settings": [{"name": "containerInsights", "value": "enhanced"}],
        "tags": [{"key": "greenlight:owner", "value": "me"}, {"key": "stage", "value": "test"}],
    }


def test_nothing_to_do_is_no_call_and_foreign_tags_stay() -> None:
    assert calls(OURS, PARAMS) == []


def test_only_what_differs_is_changed() -> None:
    now = Cluster(ARN, "disabled", {"greenlight:owner": "me"})
    settings, tags = calls(now, PARAMS)
    assert (settings.operation, tags.operation) == ("update_cluster_settings", "tag_resource")
    assert tags.arguments == {"resourceArn": ARN, "tags": [{"key": "stage", "value": "test"}]}


@pytest.mark.parametrize("params", [PARAMS, ABSENT])
def test_a_cluster_of_somebody_else_is_left_alone(params: dict[str, Any]) -> None:
    now = Cluster(ARN, "disabled", {"greenlight:owner": "you"})
    assert calls(now, params) == []
    assert kept(now, params) == "it does not carry the tag greenlight:owner=me"


def test_an_empty_cluster_of_ours_is_removed() -> None:
    (call,) = calls(OURS, ABSENT)
    assert (call.operation, call.arguments) == ("delete_cluster", {"cluster": ARN})


@pytest.mark.parametrize(
    ("services", "tasks", "reason"),
    [
        (1, 4, "1 other service in it"),
        (2, 0, "2 other services in it"),
        (0, 1, "1 task in it"),
        (0, 3, "3 tasks in it"),
    ],
)
def test_a_cluster_in_use_is_kept(services: int, tasks: int, reason: str) -> None:
    now = Cluster(ARN, "enhanced", OURS.tags, services, tasks)
    assert calls(now, ABSENT) == []
    assert kept(now, ABSENT) == reason


def test_a_cluster_in_use_can_still_be_changed() -> None:
    now = Cluster(ARN, "disabled", OURS.tags, 1, 3)
    assert [call.operation for call in calls(now, PARAMS)] == ["update_cluster_settings"]


def test_removing_what_is_not_there_is_nothing() -> None:
    assert calls(Cluster(), ABSENT) == []


def test_a_deleted_cluster_is_none() -> None:
    assert look(Cloud(**described(status="INACTIVE")), "models") == Cluster()


def test_tasks_that_start_and_run_both_count() -> None:
    seen = look(Cloud(**described(activeServicesCount=1, runningTasksCount=2, pendingTasksCount=3)), "models")
    assert (seen.services, seen.tasks) == (1, 5)


def test_a_run_makes_it_and_says_so() -> None:
    cloud = Cloud()
    result = run(PARAMS, False, cloud)
    assert [operation for operation, _arguments in cloud.written] == ["create_cluster"]
    assert result["changed"] is True
    assert result["cluster"]["arn"] == ARN
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"]["tags"] == {"greenlight:owner": "me", "stage": "test"}


def test_check_mode_says_the_same_and_does_nothing() -> None:
    cloud = Cloud()
    result = run(PARAMS, True, cloud)
    assert cloud.written == []
    assert result["changed"] is True
    assert result["cluster"] == {"name": "models", "arn": "", **result["diff"]["after"]}


def test_a_second_run_changes_nothing() -> None:
    cloud = Cloud(**described())
    result = run(PARAMS, False, cloud)
    assert cloud.written == []
    assert result["changed"] is False
    assert result["diff"]["before"] == result["diff"]["after"]


def test_removal_is_told() -> None:
    cloud = Cloud(**described())
    result = run(ABSENT, False, cloud)
    assert cloud.written == [("delete_cluster", {"cluster": ARN})]
    assert (result["changed"], result["diff"]["after"]) == (True, {})


def test_a_refusal_passes_through() -> None:
    class Refusing(Cloud):
        def write(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
            raise PortError(Outcome.REFUSED, "no")

    with pytest.raises(PortError, match="no"):
        run(PARAMS, False, Refusing())
