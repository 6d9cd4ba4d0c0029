# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ECS API as stock tools see it: idempotency, pages, tags, task definitions, community.aws, the AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.lab.ecs_support import Cloud, Served, running_lab, until

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_lab(tmp_path_factory.mktemp("lab")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def served(cloud: Cloud) -> Served:
    served = cloud.serve("api", tags=[{"key": "team", "value": "ml"}], propagateTags="SERVICE", clientToken="first")
    assert served.settled() == "SUCCESSFUL"
    return served


@pytest.fixture
def environment(cloud: Cloud) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BOTO_", "ANSIBLE_"))}
    return {
        **kept,
        "AWS_ENDPOINT_URL": cloud.state["endpoint"],
        "AWS_ACCESS_KEY_ID": cloud.state["access_key"],
        "AWS_SECRET_ACCESS_KEY": cloud.state["secret_key"],
        "AWS_DEFAULT_REGION": cloud.state["region"],
        "AWS_CONFIG_FILE": os.devnull,
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }


def test_the_same_token_and_request_is_answered_with_the_same_service(served: Served) -> None:
    seen = served.read()
    request: dict[str, Any] = {
        "taskDefinition": seen["taskDefinition"],
        "tags": [{"key": "team", "value": "ml"}],
        "propagateTags": "SERVICE",
        "clientToken": "first",
    }
    assert served.create(**request)["createdAt"] == seen["createdAt"]
    assert len(served.deployments()) == 1
    for other in ({"clientToken": "second"}, {"desiredCount": 3}):
        with pytest.raises(ClientError, match="Creation of service was not idempotent"):
            served.create(**request | other)


def test_tags_of_services_and_tasks(served: Served) -> None:
    arn = served.read()["serviceArn"]
    assert "tags" not in served.read()
    assert served.ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": "ml"}]
    served.ecs.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "ai"}, {"key": "x", "value": "1"}])
    served.ecs.untag_resource(resourceArn=arn, tagKeys=["x"])
    (seen,) = served.ecs.describe_services(cluster="api", services=[arn], include=["TAGS"])["services"]
    assert seen["tags"] == [{"key": "team", "value": "ai"}]
    task = served.tasks()[0]["taskArn"]
    (shown,) = served.ecs.describe_tasks(cluster="api", tasks=[task], include=["TAGS"])["tasks"]
    assert shown["tags"] == [{"key": "team", "value": "ml"}]


def test_pages(served: Served) -> None:
    first = served.ecs.list_tasks(cluster="api", maxResults=1)
    second = served.ecs.list_tasks(cluster="api", maxResults=1, nextToken=first["nextToken"])
    assert "nextToken" not in second
    assert sorted(first["taskArns"] + second["taskArns"]) == sorted(t["taskArn"] for t in served.tasks())
    pages = served.ecs.get_paginator("list_services").paginate(cluster="api", PaginationConfig={"PageSize": 1})
    assert [arn for page in pages for arn in page["serviceArns"]] == [served.read()["serviceArn"]]
    assert served.ecs.list_tasks(cluster="api", family="other")["taskArns"] == []
    assert len(served.ecs.list_tasks(cluster="api", family="api")["taskArns"]) == 2


def test_what_is_not_there(served: Served) -> None:
    answer = served.ecs.describe_services(cluster="api", services=["nobody"])
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]
    answer = served.ecs.describe_tasks(cluster="api", tasks=["0" * 32])
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]
    for call, code in [
        (lambda: served.ecs.list_tasks(cluster="api", serviceName="nobody"), "ServiceNotFoundException"),
        (lambda: served.ecs.update_service(cluster="api", service="nobody"), "ServiceNotFoundException"),
        (lambda: served.ecs.describe_services(cluster="none", services=["x"]), "ClusterNotFoundException"),
        (lambda: served.ecs.stop_task(cluster="api", task="x"), "InvalidParameterException"),
        (lambda: served.ecs.delete_cluster(cluster="api"), "ClusterContainsServicesException"),
        (lambda: served.ecs.run_task(cluster="api", taskDefinition="api"), "UnsupportedFeatureException"),
    ]:
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == code


def test_cluster_counts(served: Served) -> None:
    until(lambda: served.read()["runningCount"] == 2)
    (cluster,) = served.ecs.describe_clusters(clusters=["api"])["clusters"]
    assert (cluster["activeServicesCount"], cluster["runningTasksCount"], cluster["pendingTasksCount"]) == (1, 2, 0)


def test_task_definitions_are_immutable_and_retired(served: Served) -> None:
    old = served.define(stopTimeout=60)
    new = served.define(stopTimeout=61)
    assert served.ecs.describe_task_definition(taskDefinition="api")["taskDefinition"]["taskDefinitionArn"] == new
    served.ecs.tag_resource(resourceArn=new, tags=[{"key": "greenlight:release", "value": "abc"}])
    shown = served.ecs.describe_task_definition(taskDefinition=new, include=["TAGS"])
    assert shown["tags"] == [{"key": "greenlight:release", "value": "abc"}]
    retired = served.ecs.deregister_task_definition(taskDefinition=new)["taskDefinition"]
    assert retired["status"] == "INACTIVE"
    assert served.ecs.describe_task_definition(taskDefinition="api")["taskDefinition"]["taskDefinitionArn"] == old
    assert new in served.ecs.list_task_definitions(familyPrefix="api", status="INACTIVE")["taskDefinitionArns"]
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        served.update(taskDefinition=new)


def test_container_secrets_reach_the_process(cloud: Cloud, served: Served) -> None:
    manager = cloud.client("secretsmanager")
    arn = manager.create_secret(Name="release", SecretString=json.dumps({"mark": "from-a-secret"}))["ARN"]
    definition = served.ecs.register_task_definition(
        family="secretive",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn="arn:aws:iam::123456789012:role/execution",
        containerDefinitions=[
            {
                "name": "model",
                "image": served.tasks()[0]["containers"][0]["image"],
                "portMappings": [{"containerPort": 8080}],
                "secrets": [{"name": "GREENLIGHT_RELEASE", "valueFrom": f"{arn}:mark::"}],
            }
        ],
    )["taskDefinition"]["taskDefinitionArn"]
    before = served.read()["taskDefinition"]
    served.update(taskDefinition=definition)
    assert served.settled() == "SUCCESSFUL"
    assert until(lambda: served.ask() == (200, "from-a-secret"))
    served.update(taskDefinition=before)
    assert served.settled() == "SUCCESSFUL"


@pytest.mark.usefixtures("served")
def test_stock_modules_read_it(environment: dict[str, str], tmp_path: Path) -> None:
    playbook = tmp_path / "read.yml"
    tasks = [
        {"community.aws.ecs_service_info": {"cluster": "api", "service": ["api"], "details": True, "events": True}},
        {"community.aws.ecs_taskdefinition_info": {"task_definition": "api:1"}},
        {"community.aws.ecs_cluster": {"name": "api", "state": "present"}},
    ]
    for task, name in zip(tasks, ("service", "definition", "cluster"), strict=True):
        task["register"] = name  # type: ignore[assignment]
    check = {
        "ansible.builtin.assert": {
            "that": [
                "service.services[0].runningCount == 2",
                "service.services[0].deployments[0].rolloutState == 'COMPLETED'",
                "service.services[0].events | length > 2",
                "definition.network_mode == 'awsvpc'",
                "not cluster.changed",
            ]
        }
    }
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [*tasks, check]}
    play["vars"] = {"ansible_python_interpreter": sys.executable}  # type: ignore[assignment]
    playbook.write_text(json.dumps([play]))
    command = [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(playbook)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("served")
def test_the_aws_cli_waits_for_it(environment: dict[str, str]) -> None:
    wait = [str(BIN / "aws"), "ecs", "wait", "services-stable", "--cluster", "api", "--services", "api"]
    subprocess.run(wait, env=environment, check=True, capture_output=True)
    read = [str(BIN / "aws"), "ecs", "list-service-deployments", "--cluster", "api", "--service", "api"]
    shown = json.loads(subprocess.run(read, env=environment, check=True, capture_output=True).stdout)
    assert shown["serviceDeployments"][0]["status"] == "SUCCESSFUL"
