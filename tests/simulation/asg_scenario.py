# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases, options and plans that seeds of EC2 Auto Scaling play with."""

from __future__ import annotations

from functools import cache
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.greenlight.serving.plugins.module_utils._engine.evolve import evolve
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Plan
from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_asg, planning
from ansible_collections.greenlight.serving.plugins.module_utils._glue.kit_asg import KIT
from ansible_collections.greenlight.serving.plugins.module_utils._platforms import asg_release
from tests.simulation import parts
from tests.simulation.asg_parts import Json, moment
from tests.simulation.parts import FOREIGN, Behaviour

COUNT, LEAST, MOST = 3, 2, 6
HOLD, LATE = 260.0, 20.0  # seconds of a hold, and that a call of a timer may come late
BLUE, GREEN = "arn:b:targetgroup/blue/1", "arn:b:targetgroup/green/2"
STEPS = {"rolling": (34, 100), "canary": (10, 100), "blue_green": ()}
NO_IMAGE = "unlaunchable"  # its AMI does not exist
RELEASES = {**parts.RELEASES, NO_IMAGE: Behaviour()}
ALL = {**RELEASES, "old": Behaviour(), FOREIGN: Behaviour(marked=False)}
BAD = frozenset(RELEASES) - {"good", "unmarked", "turning"}
MAYBE = frozenset({"turning"})  # live, or taken back: as the gates come to see it
OPTIONS: Json = {
    "region": "us-east-1",
    "name": "digits",
    "network": {"subnets": ["subnet-a", "subnet-b", "subnet-c"]},
    "load_balancer": {
        "target_port": 8080,
        "production_listener_arn": "production",
        "test_listener_arn": "test",
        "blue_target_group_arn": BLUE,
        "green_target_group_arn": GREEN,
    },
    "capacity": {"min": LEAST, "max": MOST, "desired": COUNT},
    "scaling": [{"name": "cpu", "metric": "cpu", "target": 50.0}],
    "warmup_seconds": 0,
    "health_check_grace_seconds": 60,
    "hold_seconds": int(HOLD),
    "heartbeat": {"interval": 12.0, "period": 30, "periods": 2},
    "restore": {"role_arn": "arn:aws:iam::1:role/r", "late": LATE},
    "probes": [{"name": "p", "path": "/"}],
    "gate": {"interval": 5.0, "count": 3, "deadline": 60, "error_limit": 20},
    "record": {"bucket": "b"},
}
TIMING: Json = {
    "deadline": 3000, "rollback_deadline": 400, "min_ready": 12, "bake": 8, "poll": 5, "settle": 4,
}  # fmt: skip


@cache
def params(name: str, strategy: str, late: float) -> Json:
    """The validated options of a release: its user data begins with its name. `late`: the balancer's delay."""
    template = {
        "image_id": "ami-0123456789abcdef0",
        "instance_type": "m7i.large",
        "security_groups": ["sg-1"],
        "user_data": f"{name} @GREENLIGHT_RELEASE@",
    }
    steps = [{"weight": weight} for weight in STEPS[strategy]] or None
    timing = {**TIMING, "propagation": late}
    given = {
        **OPTIONS, "strategy": strategy, "template": template, "label": name, "steps": steps, "timing": timing,
    }  # fmt: skip
    result = ArgumentSpecValidator(**argspec_asg.specification()).validate(given)
    assert not result.error_messages, result.error_messages
    validated: Json = result.validated_parameters
    return validated


@cache
def release_id(name: str) -> str:
    """What the platform calls a release of that name."""
    return asg_release.release(params(name, "rolling", 0.0)).id


@cache
def _base(name: str, strategy: str, late: float, check_mode: bool) -> Plan:
    given = params(name, strategy, late)
    return evolve(planning.plan(KIT, given, check_mode, KIT.release(given)), lock=None, listen=0.0)


def plan(name: str, number: int, strategy: str, late: float, now: float, **changes: Any) -> Plan:
    """As the glue makes it, but by the cloud's clock: the id of a rollout says when it began."""
    base = _base(name, strategy, late, bool(changes.pop("check_mode", False)))
    began = moment(now)
    identity = f"{began:%Y%m%dT%H%M%SZ}-{number:06x}"
    return evolve(base, rollout_id=identity, started_at=began.isoformat(timespec="seconds"), **changes)
