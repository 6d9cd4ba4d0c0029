# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml and its companions for both services of the local inventory, from an empty account on.

One story, told once; each test looks at one of its chapters.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.lab.ecs_support import until
from tests.integration.roles.playing import DIGITS, SCALE, Run, denied, told, watched
from tests.lab.aws.running import RunningLab, running


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
            "status": ["playbooks/status.yml"],
            "unconfirmed": ["playbooks/teardown.yml"],
        }
        runs: dict[str, Run] = {}
        for name, arguments in chapters.items():
            if name == "second":
                scale_out(lab)
            runs[name] = watched(lab, home, *arguments)
        yield runs


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
    others = [run for name, run in story.items() if name != "bootstrap"]
    assert len({call for run in others for call in run.calls}) > 50
    assert denied(others) == []


def test_there_is_nothing_to_roll_back_before_there_is_a_service(story: dict[str, Run]) -> None:
    assert story["rollback of nothing"].code != 0
    assert "there is no service yet, nothing was changed. Make it: ansible-playbook site.yml" in told(
        story["rollback of nothing"]
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
    )
    assert [line for line in wanted if not any(line in each for each in picture)] == [], "\n".join(picture)
    assert any(f"targets    {count} of {count} healthy" in each for count in run.desired for each in picture), picture


def test_nothing_is_removed_without_its_name(story: dict[str, Run]) -> None:
    assert story["unconfirmed"].code != 0
    assert "Confirm it by its name: -e serving_teardown=digits" in told(story["unconfirmed"])
    assert story["unconfirmed"].changing == []
