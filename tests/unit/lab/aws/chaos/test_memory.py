# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which old answers may be repeated, and until when."""

from __future__ import annotations

from tests.lab.aws.chaos.memory import Memory

KEY = ("ecs.DescribeServices", "/", "", "body")


def test_only_what_was_answered_before_can_be_repeated() -> None:
    memory: Memory[str] = Memory()
    assert memory.recall("ecs", KEY, 1.0, 10.0) is None
    memory.keep(KEY, "old", 1.0)
    assert memory.recall("ecs", KEY, 5.0, 10.0) == "old"
    assert memory.recall("ecs", ("other",), 5.0, 10.0) is None


def test_it_ends_some_seconds_after_the_services_last_change() -> None:
    memory: Memory[str] = Memory()
    memory.keep(KEY, "old", 1.0)
    assert memory.recall("ecs", KEY, 12.0, 10.0) is None
    memory.change("ecs", 12.0)
    assert memory.recall("ecs", KEY, 21.0, 10.0) == "old"
    assert memory.recall("ecs", KEY, 22.0, 10.0) is None


def test_another_services_change_does_not_count() -> None:
    memory: Memory[str] = Memory()
    memory.keep(KEY, "old", 1.0)
    memory.change("ec2", 12.0)
    assert memory.recall("ecs", KEY, 12.0, 10.0) is None


def test_a_fresh_answer_replaces_the_old() -> None:
    memory: Memory[str] = Memory()
    memory.keep(KEY, "old", 1.0)
    memory.keep(KEY, "new", 2.0)
    assert memory.recall("ecs", KEY, 3.0, 10.0) == "new"
