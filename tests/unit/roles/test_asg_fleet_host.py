# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on a host of the role asg_fleet: the scripts themselves, with programs that only write down their calls."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles" / "asg_fleet" / "files"
IMAGE = "registry.example/digits:1@sha256:" + "0" * 64
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/digits@sha256:" + "0" * 64
# Each call is one line: the program and its arguments. What a program answers lies in answers/<program>.
STUB = """#!/bin/bash
echo "${0##*/} $*" >> "$STUBS/calls"
[[ ! -e $STUBS/answers/${0##*/} ]] || . "$STUBS/answers/${0##*/}"
"""


class Host:
    """A machine with programs that write down their calls."""

    def __init__(self, place: Path) -> None:
        self.place = place
        for folder in ("bin", "answers", "run", "state"):
            (place / folder).mkdir()

    def program(self, name: str, answer: str = "") -> None:
        """`answer`: what the stub does after it has written its call down, in bash."""
        path = self.place / "bin" / name
        path.write_text(STUB)
        path.chmod(0o755)
        if answer:
            (self.place / "answers" / name).write_text(answer)

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        plain = {"RUNTIME_DIRECTORY": str(self.place / "run"), "STATE_DIRECTORY": str(self.place / "state")}
        path = f"{self.place / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["/bin/bash", str(FILES / script)],
            env={"PATH": path, "STUBS": str(self.place), "SERVING_REGION": "eu-central-1", **plain, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def calls(self) -> list[str]:
        found = self.place / "calls"
        return found.read_text().splitlines() if found.exists() else []

    @property
    def kept(self) -> list[str]:
        return sorted(path.name for path in (self.place / "state").iterdir())


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A release as a file: one program in a compressed archive."""
    program = tmp_path / "serve"
    program.write_text("#!/bin/sh\n")
    made = tmp_path / "digits.tar.gz"
    with tarfile.open(made, "w:gz") as tar:
        tar.add(program, "serve")
    return made


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_image_is_pulled_by_its_digest(host: Host) -> None:
    host.program("docker", "[[ $1 != image ]]")
    assert host.run("fetch", SERVING_IMAGE=IMAGE).returncode == 0
    assert host.calls == [f"docker image inspect {IMAGE}", f"docker --config {host.place / 'run'} pull --quiet {IMAGE}"]


def test_an_image_that_is_there_needs_no_registry(host: Host) -> None:
    host.program("docker")
    assert host.run("fetch", SERVING_IMAGE=IMAGE).returncode == 0
    assert host.calls == [f"docker image inspect {IMAGE}"]


def test_the_registry_of_the_account_gets_a_password_that_is_no_argument(host: Host) -> None:
    host.program("docker", '[[ $1 != image ]] || exit 1; [[ $3 != login ]] || cat > "$STUBS/password"')
    host.program("aws", "echo hunter2")
    assert host.run("fetch", SERVING_IMAGE=ECR).returncode == 0
    registry = ECR.partition("/")[0]
    config = f"docker --config {host.place / 'run'}"
    assert host.calls[0] == f"docker image inspect {ECR}"
    assert set(host.calls[1:3]) == {
        "aws ecr get-login-password --region eu-central-1",
        f"{config} login --username AWS --password-stdin {registry}",
    }
    assert host.calls[3] == f"{config} pull --quiet {ECR}"
    assert (host.place / "password").read_text() == "hunter2\n"


def test_an_image_that_cannot_be_pulled_fails(host: Host) -> None:
    host.program("docker", "exit 1")
    assert host.run("fetch", SERVING_IMAGE=IMAGE).returncode != 0


@pytest.mark.parametrize(
    ("url", "program", "answer"),
    [
        ("s3://releases/digits.tar.gz", "aws", 'cp "$STUBS/digits.tar.gz" "${@: -1}"'),
        ("https://releases.example/digits.tar.gz", "curl", 'cp "$STUBS/digits.tar.gz" "${@: -2:1}"'),
    ],
)
def test_an_artifact_is_unpacked_when_its_checksum_is_right(
    host: Host, archive: Path, url: str, program: str, answer: str
) -> None:
    host.program(program, answer)
    right = {"SERVING_ARTIFACT": url, "SERVING_ARTIFACT_SHA256": checksum(archive)}
    done = host.run("fetch", **right)
    assert done.returncode == 0, done.stderr
    assert host.kept == [checksum(archive)]
    assert (host.place / "state" / checksum(archive) / "serve").read_text() == "#!/bin/sh\n"
    assert host.run("fetch", **right).returncode == 0
    assert len(host.calls) == 1  # the second time nothing is downloaded


def test_a_single_file_can_be_executed(host: Host, archive: Path) -> None:
    host.program("aws", 'cp "$STUBS/serve" "${@: -1}"')
    sha256 = checksum(archive.with_name("serve"))
    done = host.run("fetch", SERVING_ARTIFACT="s3://releases/bin/serve", SERVING_ARTIFACT_SHA256=sha256)
    assert done.returncode == 0, done.stderr
    assert os.access(host.place / "state" / sha256 / "serve", os.X_OK)


def test_an_artifact_with_another_checksum_is_thrown_away(host: Host, archive: Path) -> None:
    host.program("aws", f'cp "{archive}" "${{@: -1}}"')
    done = host.run("fetch", SERVING_ARTIFACT="s3://releases/digits.tar.gz", SERVING_ARTIFACT_SHA256="0" * 64)
    assert done.returncode != 0
    assert host.kept == []


# ---- leaving -------------------------------------------------------------------------------------

DRAIN = {
    "SERVING_GROUPS": "digits-blue digits-green",
    "SERVING_HOOK": "greenlight-drain",
    "SERVING_DRAIN_SECONDS": "120",
}
# The metadata: a token, InService twice, then Terminated, and the instance's id.
METADATA = """
case $* in
  */api/token) echo token ;;
  *target-lifecycle-state)
    echo x >> "$STUBS/asked"
    if (( $(wc -l < "$STUBS/asked") > 2 )); then echo Terminated; else echo InService; fi ;;
  */instance-id) echo i-0123456789abcdef0 ;;
esac
"""


def done_for(group: str) -> str:
    return (
        f"aws autoscaling complete-lifecycle-action --region eu-central-1 --auto-scaling-group-name {group} "
        "--lifecycle-hook-name greenlight-drain --instance-id i-0123456789abcdef0 --lifecycle-action-result CONTINUE"
    )


def test_the_server_is_stopped_after_the_load_balancer_has_let_go(host: Host) -> None:
    host.program("curl", METADATA)
    for name in ("sleep", "systemctl", "aws"):
        host.program(name)
    assert host.run("drain", **DRAIN).returncode == 0
    calls = [call for call in host.calls if not call.startswith("curl")]
    assert calls == [
        *["sleep 5"] * 2,
        "sleep 120",
        "systemctl stop greenlight-serving.service",
        done_for("digits-blue"),
    ]


def test_the_hook_is_completed_in_the_group_that_has_the_instance_as_soon_as_it_waits(host: Host) -> None:
    host.program("curl", METADATA)
    host.program("aws", '[[ $* == *digits-green* ]] && echo x >> "$STUBS/tried" && (( $(wc -l < "$STUBS/tried") > 1 ))')
    for name in ("sleep", "systemctl"):
        host.program(name)
    assert host.run("drain", **DRAIN).returncode == 0
    ours = [call for call in host.calls if call.startswith("aws")]
    assert ours == [done_for("digits-blue"), done_for("digits-green")] * 2


def test_a_silent_metadata_service_is_asked_again(host: Host) -> None:
    host.program("curl", '[[ ! -e $STUBS/up ]] && touch "$STUBS/up" && exit 7\n' + METADATA)
    for name in ("sleep", "systemctl", "aws"):
        host.program(name)
    assert host.run("drain", **DRAIN).returncode == 0
    assert [call for call in host.calls if call.startswith("sleep 5")] == ["sleep 5"] * 3
