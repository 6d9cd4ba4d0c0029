# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A load balancer and a bucket of its own for each file; what was started ends with it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from tests.integration.asg_rollout.stack import Stack
from tests.lab.aws.running import RunningLab


@contextmanager
def made(lab: RunningLab) -> Iterator[Stack]:
    stack = Stack(lab, f"asg{secrets.token_hex(3)}").build()
    yield stack
    client = lab.client("autoscaling")
    for colour in ("blue", "green"):
        if stack.group(colour):
            client.delete_auto_scaling_group(AutoScalingGroupName=f"{stack.name}-{colour}", ForceDelete=True)


@pytest.fixture(scope="module")
def served(shared_lab: RunningLab) -> Iterator[Stack]:
    """A service with release 1 live; later tests of a module find it with what the earlier ones left."""
    with made(shared_lab) as shared:
        result = shared.roll_out("1")
        assert (result["state"], result["identity"]) == ("live", "proven"), result["reason"]
        yield shared
