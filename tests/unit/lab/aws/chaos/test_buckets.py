# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS's request rates as token buckets."""

from __future__ import annotations

import botocore.session

from tests.lab.aws.chaos.buckets import GROUPS, RATES, Buckets


def burst(buckets: Buckets, operation: str, now: float) -> int:
    """How many calls pass before the first is refused."""
    count = 0
    while buckets.admits("ecs", operation, now):
        count += 1
    return count


def test_a_burst_then_the_documented_rate() -> None:
    buckets = Buckets()
    assert burst(buckets, "UpdateService", 0.0) == 50
    assert burst(buckets, "UpdateService", 2.0) == 10
    assert burst(buckets, "UpdateService", 1000.0) == 50


def test_operations_of_a_group_share_its_bucket_others_do_not() -> None:
    buckets = Buckets()
    burst(buckets, "DescribeTasks", 0.0)
    assert not buckets.admits("ecs", "ListTasks", 0.0)
    assert buckets.admits("ecs", "DescribeServices", 0.0)


def test_what_has_no_documented_rate_always_passes() -> None:
    buckets = Buckets()
    assert all(buckets.admits("elbv2", "DescribeTags", 0.0) for _ignored in range(1000))


def test_every_operation_named_exists_and_every_group_is_used() -> None:
    names = set(botocore.session.get_session().get_service_model("ecs").operation_names)
    assert GROUPS.keys() <= names
    assert set(GROUPS.values()) == RATES.keys()
