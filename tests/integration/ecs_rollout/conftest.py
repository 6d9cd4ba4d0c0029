# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer, a cluster and a bucket of its own for each test; what was started ends with it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from tests.integration.ecs_rollout.stack import Stack
from tests.lab.aws.running import RunningLab


@pytest.fixture(autouse=True)
def healthy_api(shared_lab: RunningLab) -> Iterator[None]:
    """Whatever faults a test switches on are off afterwards."""
    yield
    shared_lab.control("DELETE", "chaos")


@contextmanager
def made(lab: RunningLab) -> Iterator[Stack]:
    stack = Stack(lab, f"svc{secrets.token_hex(3)}").build()
    yield stack
    ecs, cluster = lab.client("ecs"), stack.facts["cluster"]
    for arn in ecs.list_services(cluster=cluster)["serviceArns"]:
        ecs.delete_service(cluster=cluster, service=arn, force=True)


@pytest.fixture
def stack(shared_lab: RunningLab) -> Iterator[Stack]:
    """For a test that begins with nothing."""
    with made(shared_lab) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def served(shared_lab: RunningLab) -> Iterator[Stack]:
    """A service with release 1 live; later tests of a module find it with what the earlier ones left."""
    with made(shared_lab) as shared:
        result = shared.roll_out("1")
        assert result["state"] == "live", result["reason"]
        yield shared
