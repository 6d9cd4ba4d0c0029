# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks on the local inventory, as people run them: from an empty account to a rejected release.

One story, told once; each test looks at one of its chapters.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from ansible_collections.greenlight.serving.plugins.module_utils._glue import rights
from tests.integration.lab.ecs_support import until
from tests.lab.aws.running import RunningLab, running
from tests.lab.images.registry import reference
from tests.rights import allowed

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
SCALE = 0.1  # real seconds per AWS second
# 8 real seconds for a model server to start: other tests run beside this one
PATIENCE = ["-e", '{"ecs_fargate_serving_health_check_grace_seconds": 80}']
DIGITS = ["--limit", "digits"]
WRONG = ["-e", f"serving_image={reference('wrong-answers')}"]
BETTER = ["-e", f"serving_image={reference('2')}"]


@dataclass
class Run:
    """What a playbook did: its exit code, its text, and the calls that the lab saw meanwhile."""

    code: int
    text: str
    changing: list[str] = field(default_factory=list)
    calls: set[tuple[str, str]] = field(default_factory=set)  # service, operation
    desired: set[int] = field(default_factory=set)  # instances of the fleet, before and after: it scales by itself

    @property
    def changed(self) -> int:
        """Of the recap, of all services together; -1 when there is none."""
        found = re.findall(r"changed=(\d+)", self.text)
        return sum(map(int, found)) if found else -1


def play(home: Path, state: Path, *arguments: str) -> Run:
    """Run a playbook with the local inventory and nothing of the caller's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}
    settings = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(home), "COLUMNS": "200"}
    done = subprocess.run(
        [PLAYBOOK, "-e", f"lab_state_file={state}", *arguments],
        cwd=ROOT,
        env=kept | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr)


def watched(lab: RunningLab, home: Path, *arguments: str) -> Run:
    """The same, with the lab's trace."""
    wanted = {desired(lab)}
    before = max((call["id"] for call in lab.trace()), default=0)
    run = play(home, lab.path, *PATIENCE, *arguments)
    made = lab.trace(before)
    run.desired = wanted | {desired(lab)}
    run.changing = [call["operation"] for call in made if call["mutating"]]
    run.calls = {(call["service"], call["operation"]) for call in made}
    return run


def desired(lab: RunningLab) -> int:
    groups = lab.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return sum(group["DesiredCapacity"] for group in groups)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    home = tmp_path_factory.mktemp("home")
    with running(tmp_path_factory.mktemp("lab"), SCALE) as lab:
        chapters: dict[str, list[str]] = {
            "bootstrap": ["playbooks/bootstrap.yml"],
            "rollback of nothing": ["playbooks/rollback.yml", *DIGITS],
            "check of nothing": ["site.yml", "--check", "--diff"],
            "first": ["site.yml"],
            "second": ["site.yml"],
            "check": ["site.yml", "--check", "--diff"],
            "rollout": ["playbooks/rollout.yml", *DIGITS, *BETTER],
            "pinned": ["site.yml", *DIGITS],
            "bad": ["playbooks/rollout.yml", *DIGITS, *WRONG],
            "bad again": ["playbooks/rollout.yml", *DIGITS, *WRONG],
            "rollback": ["playbooks/rollback.yml", *DIGITS],
            "status": ["playbooks/status.yml"],
            "abort of nothing": ["playbooks/control.yml", *DIGITS, "-e", "serving_action=abort"],
            "unconfirmed": ["playbooks/teardown.yml"],
        }
        told: dict[str, Run] = {}
        for name, arguments in chapters.items():
            if name == "second":
                scale_out(lab)
            told[name] = watched(lab, home, *arguments)
        yield told


def scale_out(lab: RunningLab) -> None:
    """As an autoscaler does: one instance more than the inventory asked for at first, and it is healthy, too."""
    scaling, balancing = lab.client("autoscaling"), lab.client("elbv2")
    (group,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["numerals-blue"])["AutoScalingGroups"]
    scaling.set_desired_capacity(AutoScalingGroupName="numerals-blue", DesiredCapacity=4)

    def healthy() -> bool:
        found = balancing.describe_target_health(TargetGroupArn=group["TargetGroupARNs"][0])["TargetHealthDescriptions"]
        return [each["TargetHealth"]["State"] for each in found] == ["healthy"] * 4

    until(healthy)


def test_the_record_has_a_bucket(story: dict[str, Run]) -> None:
    assert story["bootstrap"].code == 0, story["bootstrap"].text
    assert "CreateBucket" in story["bootstrap"].changing


def test_the_controllers_policy_is_shown_and_allows_every_call_of_the_other_playbooks(story: dict[str, Run]) -> None:
    for action in ("autoscaling:StartInstanceRefresh", "ecs:ContinueServiceDeployment"):
        assert action in story["bootstrap"].text
    service = {"name": "x", "region": "r", "partition": "aws", "bucket": "b", "prefix": "p", "schedules": "default"}
    policies = [rights.policy({**service, "platform": platform}) for platform in rights.PASSED_TO]
    made = {call for name, run in story.items() if name != "bootstrap" for call in run.calls}
    assert len(made) > 50
    denied = [f"{api}:{name}" for api, name in made if not any(allowed(policy, api, name) for policy in policies)]
    assert sorted(denied) == []


def test_there_is_nothing_to_roll_back_before_there_is_a_service(story: dict[str, Run]) -> None:
    assert story["rollback of nothing"].code != 0
    assert "there is no service yet, nothing was changed. Make it: ansible-playbook site.yml" in re.sub(
        r"\s+", " ", story["rollback of nothing"].text
    )
    assert story["rollback of nothing"].changing == []


def test_check_mode_works_before_anything_exists(story: dict[str, Run]) -> None:
    run = story["check of nothing"]
    assert run.code == 0, run.text
    assert run.changing == []
    assert run.changed > 5
    for planned in (
        "CreateRule",
        "CreateService",
        "digits-alb",
        "digits-blue",
        "CreateAutoScalingGroup",
        "numerals-blue",
    ):
        assert planned in run.text


def test_a_first_run_serves(story: dict[str, Run]) -> None:
    assert story["first"].code == 0, story["first"].text
    assert story["first"].changing.count("CreateService") == 1
    assert story["first"].changing.count("CreateAutoScalingGroup") == 1


@pytest.mark.parametrize("name", ["second", "check"])
def test_with_nothing_to_do_nothing_is_changed_not_even_what_the_autoscaler_moved(
    story: dict[str, Run], name: str
) -> None:
    run = story[name]
    assert (run.code, run.changed, run.changing) == (0, 0, []), run.text


def test_a_rollout_changes_nothing_but_the_release(story: dict[str, Run]) -> None:
    run = story["rollout"]
    assert run.code == 0, run.text
    ours = {"PutObject", "PutMetricAlarm", "PutMetricData"}  # record and lock, heartbeat
    changed = {"RegisterTaskDefinition", "UpdateService", "ContinueServiceDeployment"}
    assert set(run.changing) - ours == changed


def test_a_pinned_release_is_left_alone(story: dict[str, Run]) -> None:
    run = story["pinned"]
    assert (run.code, run.changed, run.changing) == (0, 0, []), run.text


def test_a_bad_release_is_taken_back_and_the_run_fails(story: dict[str, Run]) -> None:
    assert story["bad"].code != 0
    assert '"state": "rolled_back"' in story["bad"].text
    assert '"rollback_verified": true' in story["bad"].text


def test_a_rejected_release_is_not_tried_again(story: dict[str, Run]) -> None:
    run = story["bad again"]
    assert run.code != 0
    assert '"state": "refused"' in run.text
    assert [name for name in run.changing if name != "PutObject"] == []


def test_the_last_good_release_comes_back(story: dict[str, Run]) -> None:
    assert story["rollback"].code == 0, story["rollback"].text
    assert "UpdateService" in story["rollback"].changing


def test_the_status_is_a_picture_of_80_columns(story: dict[str, Run]) -> None:
    run = story["status"]
    assert (run.code, run.changing) == (0, []), run.text
    picture = [line for line in run.text.splitlines() if line.startswith('        "')]
    assert max(map(len, picture)) <= 80
    wanted = (
        "service    digits/digits, open to the public",
        "service    numerals, open to the public",
        "lock       free",
        "targets    3 of 3 healthy",
        "rejected   ",
    )
    assert [line for line in wanted if not any(line in each for each in picture)] == [], "\n".join(picture)
    assert any(f"targets    {count} of {count} healthy" in each for count in run.desired for each in picture), picture


def test_where_nothing_is_under_way_nothing_can_be_aborted(story: dict[str, Run]) -> None:
    run = story["abort of nothing"]
    assert (run.code == 0, run.changing) == (False, [])
    assert "digits/digits: no rollout is under way, there is nothing to abort." in told(run)


def test_nothing_is_removed_without_its_name(story: dict[str, Run]) -> None:
    assert story["unconfirmed"].code != 0
    assert "Confirm it by its name: -e serving_teardown=digits" in re.sub(r"\s+", " ", story["unconfirmed"].text)
    assert story["unconfirmed"].changing == []


@pytest.fixture
def no_lab(tmp_path: Path) -> Path:
    return tmp_path / "none.json"


def told(run: Run) -> str:
    """The text without line breaks."""
    return re.sub(r"\s+", " ", run.text)


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/bootstrap.yml", "playbooks/status.yml"])
def test_without_a_lab_the_local_inventory_says_how_to_start_one(tmp_path: Path, no_lab: Path, playbook: str) -> None:
    run = play(tmp_path, no_lab, playbook)
    assert run.code != 0
    assert "The lab is not running. Start it: make lab-aws" in told(run)


@pytest.mark.parametrize(
    "state",
    [
        {"endpoint": "https://ecs.eu-central-1.amazonaws.com", "pid": os.getpid()},
        {"endpoint": "http://127.0.0.1.example.com:80", "pid": os.getpid()},
        {"endpoint": "http://127.0.0.1:9", "pid": 2**22 + 1},
    ],
    ids=["another cloud", "a name that only begins like this machine", "a lab that is gone"],
)
def test_the_local_inventory_asks_nobody_but_a_running_lab(tmp_path: Path, state: dict[str, Any]) -> None:
    path = tmp_path / "aws.json"
    path.write_text(str({"region": "us-east-1", "access_key": "a", "secret_key": "b", **state}).replace("'", '"'))
    run = play(tmp_path, path, "playbooks/status.yml")
    assert run.code != 0
    assert "The lab is not running. Start it: make lab-aws" in told(run)


@pytest.mark.parametrize("playbook", ["site", "bootstrap", "rollout", "rollback", "status", "control", "teardown"])
def test_without_a_service_a_playbook_fails_with_a_hint(tmp_path: Path, no_lab: Path, playbook: str) -> None:
    (tmp_path / "hosts").write_text("[others]\nweb\n")
    run = play(tmp_path, no_lab, "-i", str(tmp_path / "hosts"), f"playbooks/{playbook}.yml")
    assert run.code != 0
    assert "No service is selected. Name one in the group serving_ecs or serving_asg of your inventory" in told(run)


def test_a_limit_that_leaves_no_service_fails_with_a_hint(tmp_path: Path, no_lab: Path) -> None:
    (tmp_path / "hosts").write_text("[serving_ecs]\ndigits\n[others]\nweb\n")
    run = play(tmp_path, no_lab, "-i", str(tmp_path / "hosts"), "site.yml", "--limit", "others")
    assert run.code != 0
    assert "No service is selected." in told(run)


def test_a_limit_that_matches_nothing_fails(tmp_path: Path, no_lab: Path) -> None:
    assert play(tmp_path, no_lab, "site.yml", "--limit", "nothing").code != 0


def test_a_service_in_two_groups_is_refused(tmp_path: Path, no_lab: Path) -> None:
    (tmp_path / "hosts").write_text("[serving_ecs]\nweb\n[serving_asg]\nweb\n")
    run = play(tmp_path, no_lab, "-i", str(tmp_path / "hosts"), "site.yml")
    assert run.code != 0
    assert "web: in the groups serving_ecs and serving_asg. Take it out of one of them." in told(run)


@pytest.mark.parametrize(
    ("arguments", "hosts", "words"),
    [
        ([], "digits", "Say what to do: -e serving_action=promote, pause, resume, abort or unlock (given: nothing)."),
        (["serving_action=jump"], "digits", "(given: jump). Nothing was asked of any rollout."),
        (
            ["serving_action=promote"],
            "digits\nletters",
            "2 services are selected (digits, letters), and promote is for one.",
        ),
        (["serving_action=unlock"], "digits", "unlock needs the holder that is dead"),
        (["serving_action=unlock", "serving_holder=0a1b"], "digits", "unlock needs the holder that is dead"),
    ],
)
def test_control_says_what_it_takes(tmp_path: Path, no_lab: Path, arguments: list[str], hosts: str, words: str) -> None:
    (tmp_path / "hosts").write_text(f"[serving_ecs]\n{hosts}\n")
    given = [part for argument in arguments for part in ("-e", argument)]
    run = play(tmp_path, no_lab, "-i", str(tmp_path / "hosts"), "playbooks/control.yml", *given)
    assert run.code != 0
    assert words in told(run)
