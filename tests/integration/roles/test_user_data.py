# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What instances of the role asg_fleet boot from: rendered once, then read as cloud-init, systemd and the lab do."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.roles.test_bad_inputs import HERE, ROOT
from tests.lab.aws.engine.user_data import Serving, parse

LIMIT = 16 * 1024  # bytes; EC2 user guide, "User data"
SHA256 = "0123456789abcdef" * 4
ARTIFACT = {
    "url": "s3://releases/letters-7.tar.gz",
    "sha256": SHA256,
    "command": ["./serve", "--greeting", 'say "100 %" for $5', "back\\slash"],
}
HOSTS: dict[str, dict[str, Any]] = {
    "image": {"asg_fleet_command": ["serve", "--name", "two words"], "asg_fleet_gpus": True},
    "artifact": {
        "asg_fleet_image": "",
        "asg_fleet_artifact": ARTIFACT,
        "asg_fleet_scratch_paths": ["/tmp", "/var/cache/m"],
    },
    "ecr": {"asg_fleet_image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/letters:7@sha256:{SHA256}"},
    "full": {"asg_fleet_environment": {f"VARIABLE_{number}": "x" * 100 for number in range(30)}},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the user data of each host, and a JSON file of what it may do."""
    place = tmp_path_factory.mktemp("user_data")
    good = yaml.safe_load((HERE / "good_inputs.yml").read_text())
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "place": str(place)}
    inventory = place / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"all": {"vars": good | local, "hosts": HOSTS}}))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, HERE / "render_user_data.yml"],
        cwd=ROOT,
        env=kept | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(place / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.fixture
def rendered(place: Path) -> dict[str, str]:
    return {name: (place / name).read_text() for name in HOSTS}


def rights(place: Path, name: str) -> dict[str, list[str]]:
    """Action -> the resources it is allowed for."""
    statements = json.loads((place / f"{name}.json").read_text())
    return {action: each["Resource"] for each in statements for action in each["Action"]}


def serving(text: str) -> Serving:
    return parse(base64.b64encode(text.encode()).decode())


def written(text: str) -> dict[str, str]:
    files = yaml.safe_load(text)["write_files"]
    return {each["path"]: each["content"] for each in files}


def started(text: str) -> str:
    """How the unit starts the server, on one line."""
    unit = written(text)["/etc/systemd/system/greenlight-serving.service"].replace("\\\n", " ")
    found = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert found is not None
    return re.sub(r" +", " ", found[1])


@pytest.mark.parametrize("name", HOSTS)
def test_it_is_a_cloud_config_that_fits(rendered: dict[str, str], name: str) -> None:
    assert rendered[name].startswith("#cloud-config\n")
    assert len(rendered[name].encode()) <= LIMIT
    assert rendered[name].count("@GREENLIGHT_RELEASE@") == 1


@pytest.mark.parametrize("name", HOSTS)
def test_every_file_is_whole(rendered: dict[str, str], name: str) -> None:
    files = written(rendered[name])
    assert [path for path, content in files.items() if not content.endswith("\n") or "{{" in content] == []
    for script in ("fetch", "drain"):
        assert files[f"/usr/local/lib/greenlight/{script}"] == (ROOT / "roles/asg_fleet/files" / script).read_text()


def test_an_image_is_named_by_its_digest(rendered: dict[str, str]) -> None:
    found = serving(rendered["image"])
    assert found.image.endswith(f"@sha256:{SHA256}")
    assert (found.port, found.restart, found.stop_timeout) == (8080, "always", 75.0)
    assert found.environment == {"PORT": "8080", "LOG_LEVEL": "info", "GREENLIGHT_RELEASE": "@GREENLIGHT_RELEASE@"}


def test_a_container_has_no_rights_and_no_way_to_the_hosts(rendered: dict[str, str]) -> None:
    line = started(rendered["image"])
    for wanted in (
        "--user 10001:10001 --cap-drop ALL --security-opt no-new-privileges",
        "--read-only --mount type=volume,destination=/tmp --gpus all",
        "--publish 8080:8080",
        "--pull never",
    ):
        assert wanted in line
    assert "--network" not in line  # a bridge: the metadata service is one hop too far
    assert "privileged " not in line.replace("no-new-privileges ", "")
    assert line.endswith('${SERVING_IMAGE} "serve" "--name" "two words"')


def test_an_artifact_is_named_by_its_checksum(rendered: dict[str, str]) -> None:
    found = serving(rendered["artifact"])
    assert (found.artifact, found.checksum, found.stop_timeout) == (ARTIFACT["url"], SHA256, 60.0)


def test_systemd_reads_the_words_of_a_command_as_they_were_given(rendered: dict[str, str]) -> None:
    words = [f"/var/lib/greenlight/{SHA256}/serve", "--greeting", 'say \\"100 %%\\" for $$5', "back\\\\slash"]
    assert started(rendered["artifact"]) == " ".join(f'"{word}"' for word in words)


def test_an_artifact_runs_without_rights(rendered: dict[str, str]) -> None:
    unit = written(rendered["artifact"])["/etc/systemd/system/greenlight-serving.service"].splitlines()
    for line in (
        "User=10001",
        "Group=10001",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ReadWritePaths=-/var/cache/m",
        "IPAddressDeny=169.254.169.254/32 fd00:ec2::254/128",
    ):
        assert line in unit


def test_a_host_knows_how_to_leave(rendered: dict[str, str]) -> None:
    lines = written(rendered["image"])["/etc/greenlight/serving.env"].splitlines()
    for line in (
        "SERVING_GROUPS=letters-blue letters-green",
        "SERVING_HOOK=greenlight-drain",
        "SERVING_DRAIN_SECONDS=120",
        "SERVING_REGION=eu-central-1",
    ):
        assert line in lines


GROUPS = [
    f"arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/letters-{color}"
    for color in ("blue", "green")
]
LOGS = ["arn:aws:logs:eu-central-1:123456789012:log-group:/greenlight/fleet/letters:*"]
LOGGING = {"logs:CreateLogStream": LOGS, "logs:PutLogEvents": LOGS}
REPOSITORY = ["arn:aws:ecr:eu-west-1:123456789012:repository/team/letters"]
PULLING = {
    "ecr:GetAuthorizationToken": ["*"],  # ECR knows no narrower resource for it
    "ecr:BatchGetImage": REPOSITORY,
    "ecr:GetDownloadUrlForLayer": REPOSITORY,
}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("image", LOGGING),
        ("ecr", LOGGING | PULLING),
        ("artifact", {"s3:GetObject": ["arn:aws:s3:::releases/letters-7.tar.gz"]}),
    ],
)
def test_a_host_may_do_what_it_has_to_and_nothing_else(place: Path, name: str, more: dict[str, list[str]]) -> None:
    assert rights(place, name) == {"autoscaling:CompleteLifecycleAction": GROUPS} | more
