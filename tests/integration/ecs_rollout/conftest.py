# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer, a cluster and a bucket of its own for each test; what was started ends with it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from tests.integration.ecs_rollout.stack import Stack
from tests.lab.aws.running import RunningLab


@pytest.fixture
def stack(faulty_lab: RunningLab) -> Iterator[Stack]:
    made = Stack(faulty_lab, f"svc{secrets.token_hex(3)}").build()
    yield made
    faulty_lab.control("DELETE", "chaos")
    ecs = faulty_lab.client("ecs")
    for arn in ecs.list_services(cluster=made.facts["cluster"])["serviceArns"]:
        ecs.delete_service(cluster=made.facts["cluster"], service=arn, force=True)


@pytest.fixture
def served(stack: Stack) -> Stack:
    """The same, with release 1 live."""
    result = stack.roll_out("1")
    assert result["state"] == "live", result["reason"]
    return stack
