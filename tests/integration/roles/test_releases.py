# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of one service by playbook: rolled out and held on to, taken back, rejected, rolled back by hand.

One story, told once; each test looks at one of its chapters.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.roles.playing import DIGITS, SCALE, Run, denied, told, watched
from tests.lab.aws.running import running
from tests.lab.images.registry import reference

WRONG = ["-e", f"serving_image={reference('wrong-answers')}"]
BETTER = ["-e", f"serving_image={reference('2')}"]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    home = tmp_path_factory.mktemp("home")
    with running(tmp_path_factory.mktemp("lab"), SCALE) as lab:
        chapters: dict[str, list[str]] = {
            "bootstrap": ["playbooks/bootstrap.yml"],
            "first": ["site.yml", *DIGITS],
            "rollout": ["playbooks/rollout.yml", *DIGITS, *BETTER],
            "pinned": ["site.yml", *DIGITS],
            "bad": ["playbooks/rollout.yml", *DIGITS, *WRONG],
            "bad again": ["playbooks/rollout.yml", *DIGITS, *WRONG],
            "status": ["playbooks/status.yml", *DIGITS],
            "rollback": ["playbooks/rollback.yml", *DIGITS],
            "abort of nothing": ["playbooks/control.yml", *DIGITS, "-e", "serving_action=abort"],
        }
        yield {name: watched(lab, home, *arguments) for name, arguments in chapters.items()}


def test_every_call_is_allowed_to_the_controller(story: dict[str, Run]) -> None:
    assert denied(run for name, run in story.items() if name != "bootstrap") == []


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


def test_the_status_names_what_was_rejected(story: dict[str, Run]) -> None:
    assert (story["status"].code, story["status"].changing) == (0, []), story["status"].text
    assert '        "rejected   ' in story["status"].text


def test_the_last_good_release_comes_back(story: dict[str, Run]) -> None:
    assert story["rollback"].code == 0, story["rollback"].text
    assert "UpdateService" in story["rollback"].changing


def test_where_nothing_is_under_way_nothing_can_be_aborted(story: dict[str, Run]) -> None:
    run = story["abort of nothing"]
    assert (run.code == 0, run.changing) == (False, [])
    assert "digits/digits: no rollout is under way, there is nothing to abort." in told(run)
