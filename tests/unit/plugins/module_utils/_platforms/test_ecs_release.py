# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release is its content: what enters its id, what does not, and what is rendered from it."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ansible_collections.greenlight.serving.plugins.module_utils._platforms import ecs_release
from ansible_collections.greenlight.serving.plugins.module_utils._platforms.aws_names import tag_map

from .ecs_params import BLUE, DIGEST, GREEN, params

MODEL = botocore.session.get_session().get_service_model("ecs")


def release_id(**changes: Any) -> str:
    return ecs_release.release(params(**changes)).id


def test_an_id_is_twelve_hex_digits_and_the_same_for_the_same_content() -> None:
    assert release_id() == release_id()
    assert len(release_id()) == 12
    assert set(release_id()) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "change",
    [
        {"container.image": f"registry.example.com/digits:8@{DIGEST}"},
        {"container.environment": {"MODEL": "letters"}},
        {"container.command": ["serve"]},
        {"container.stop_timeout": 90},
        {"container.readonly_root_filesystem": False},
        {"task_definition.memory": 1024},
        {"task_definition.architecture": "ARM64"},
        {"network.subnets": ["subnet-a", "subnet-c"]},
        {"network.assign_public_ip": True},
        {"platform_version": "1.4.0"},
        {"load_balancer.container_port": 8081},
    ],
)
def test_what_starts_a_deployment_is_another_release(change: dict[str, Any]) -> None:
    assert release_id(**change) != release_id()


@pytest.mark.parametrize(
    "change",
    [
        {"desired_count": 5},
        {"tags": {"team": "vision"}},
        {"health_check_grace_seconds": 5},
        {"deployment.minimum_healthy_percent": 50},
        {"load_balancer.rule": {"priority": 7, "path_patterns": ["/digits/*"]}},
        {"network.subnets": ["subnet-a", "subnet-b"]},  # the same ones in another order
        {"probes": []},
        {"timing.bake": 1},
    ],
)
def test_what_starts_none_is_the_same_release(change: dict[str, Any]) -> None:
    assert release_id(**change) == release_id()


def test_a_label_names_the_image_behind_the_load_balancer_with_a_short_digest() -> None:
    assert ecs_release.release(params()).label == "registry.example.com/digits:7@sha256:7d865e959b24"


def test_a_registration_carries_the_mark_and_the_tags_and_fits_the_api() -> None:
    given = ecs_release.registration(params(tags={"team": "vision"}), "0123456789ab")
    environment = {pair["name"]: pair["value"] for pair in given["containerDefinitions"][0]["environment"]}
    assert environment == {"MODEL": "digits", "GREENLIGHT_RELEASE": "0123456789ab"}
    assert tag_map(given["tags"]) == {
        "greenlight:release": "0123456789ab",
        "greenlight:service": "serving/digits",
        "team": "vision",
    }
    shape = MODEL.operation_model("RegisterTaskDefinition").input_shape
    assert not ParamValidator().validate(given, shape).has_errors()


def test_every_option_of_a_container_is_rendered_and_fits_the_api() -> None:
    full = params(
        **{
            "container.entry_point": ["tini", "--"],
            "container.working_directory": "/srv",
            "container.memory_reservation": 256,
            "container.secrets": {"TOKEN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:token"},
            "container.user": "10001",
            "container.health_check": {"command": ["CMD", "true"], "start_period": 20},
            "container.log_configuration": {"options": {"awslogs-group": "/digits"}},
            "container.mount_points": [{"volume": "scratch", "path": "/tmp"}],
            "container.linux_parameters": {"init_process_enabled": True, "drop_capabilities": ["ALL"]},
            "container.depends_on": [{"container": "log"}],
            "container.docker_labels": {"team": "vision"},
            "task_definition.volumes": [{"name": "scratch"}, {"name": "weights", "efs": {"file_system_id": "fs-1"}}],
            "task_definition.ephemeral_storage_gib": 50,
            "task_definition.task_role_arn": "arn:aws:iam::123456789012:role/digits",
        }
    )
    given = ecs_release.task_definition(full)
    assert (
        not ParamValidator().validate(given, MODEL.operation_model("RegisterTaskDefinition").input_shape).has_errors()
    )
    container = given["containerDefinitions"][0]
    assert container["healthCheck"] == {
        "command": ["CMD", "true"],
        "interval": 30,
        "timeout": 5,
        "retries": 3,
        "startPeriod": 20,
    }
    assert container["linuxParameters"] == {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}}
    assert given["volumes"][1]["efsVolumeConfiguration"]["transitEncryption"] == "ENABLED"
    assert given["ephemeralStorage"] == {"sizeInGiB": 50}


def test_whichever_group_is_live_the_other_one_is_its_alternate() -> None:
    for live, other in ((BLUE, GREEN), (GREEN, BLUE)):
        entry = ecs_release.load_balancers(params(), live, "rule-p", "rule-t")[0]
        assert (entry["targetGroupArn"], entry["advancedConfiguration"]["alternateTargetGroupArn"]) == (live, other)


def test_without_an_infrastructure_role_there_is_no_advanced_configuration() -> None:
    entry = ecs_release.load_balancers(params(**{"load_balancer.role_arn": None}), BLUE, "rule-p", "rule-t")[0]
    assert "advancedConfiguration" not in entry
