# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategy, steps, holds and heartbeat, read from plain data. Everything that is wrong, at once.

For roles, which check theirs before they change anything; the modules have their types checked already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._engine.finding import Finding
from .._platforms import asg_plan, aws_heart, ecs_plan
from .._probes.reader import Reader, is_whole, shown
from . import argspec_common

SHARED = ("strategy", "steps", "canary", "heartbeat", "on_unfinished")
FIELDS = {"ecs": (*SHARED, "linear", "hold_timeout"), "asg": (*SHARED, "hold_seconds", "unattended", "wait")}
NUMBER = (-1e12, 1e12)  # types only: what is allowed is said by those who know why


def findings(given: Mapping[str, Any], prefix: str = "", platform: str = "ecs") -> list[Finding]:
    """`given`: the options of `FIELDS`, and `timing`; what is missing or empty is as if it were not given.

    `prefix` stands before their names in the findings: a role's variables carry the role's name.
    """
    found: list[Finding] = []
    fields = FIELDS[platform]
    read = Reader({name: given.get(name) for name in fields}, "", fields, found)
    params = {
        "on_unfinished": read.choice("on_unfinished", "roll_back", ("roll_back", "resume", "fail")),
        "canary": _step(read, "canary", "weight", 10, found),
        "steps": _steps(read, found),
        "heartbeat": _heartbeat(read),
        "timing": {"poll": _poll(given.get("timing"))},
        **(_asg(read) if platform == "asg" else _ecs(read, found)),
    }
    plan = asg_plan if platform == "asg" else ecs_plan
    found += [*plan.findings(params), *aws_heart.findings(params)]
    first: dict[str, Finding] = {}
    for each in found:  # of one option the first is enough: what follows may come from it
        field = each.field.lstrip(".")
        first.setdefault(re.split(r"[.\[]", field, maxsplit=1)[0], replace(each, field=prefix + field))
    return list(first.values())


def _ecs(read: Reader, found: list[Finding]) -> dict[str, Any]:
    return {
        "strategy": read.choice("strategy", "canary", ecs_plan.STRATEGIES),
        "hold_timeout": read.whole("hold_timeout", 60, *map(int, NUMBER)),
        "linear": _step(read, "linear", "step", 25, found),
        "load_balancer": {"role_arn": "given", "test_listener_arn": "given"},  # roles make both
    }


def _asg(read: Reader) -> dict[str, Any]:
    strategies = (asg_plan.ROLLING, asg_plan.CANARY, asg_plan.BLUE_GREEN)
    return {
        "strategy": read.choice("strategy", asg_plan.ROLLING, strategies),
        "hold_seconds": read.whole("hold_seconds", 900, *map(int, NUMBER)),
        "unattended": read.choice("unattended", "refuse", ("refuse", "accept_exposure")),
        "wait": read.flag("wait", True),
        "restore": {"role_arn": "given"},  # roles make it
    }


def _step(read: Reader, field: str, name: str, default: int, found: list[Finding]) -> dict[str, Any] | None:
    return _one(read.raw(field), field, name, default, found) if read.raw(field) not in (None, {}) else None


def _one(given: Any, where: str, name: str, default: int, found: list[Finding]) -> dict[str, Any]:
    read = Reader(given, where, (name, "bake", "pause"), found)
    bake = read.number("bake", 0.0, *NUMBER) if read.has("bake") else None
    return {name: read.whole(name, default, *map(int, NUMBER)), "bake": bake, "pause": read.flag("pause", False)}


def _steps(read: Reader, found: list[Finding]) -> list[dict[str, Any]]:
    given = read.raw("steps", [])
    if not isinstance(given, list):
        read.wrong("steps", shown(given), "a list of steps", "For example [{weight: 10}, {weight: 100}].")
        return []
    listed = []
    for number, each in enumerate(given):
        if not isinstance(each, Mapping) or not is_whole(each.get("weight")):
            read.wrong(f"steps[{number}]", shown(each), "a mapping with a weight in percent", "Write {weight: 10}.")
        else:
            listed.append(_one(each, f"steps[{number}]", "weight", 0, found))
    return listed


def _heartbeat(read: Reader) -> dict[str, Any]:
    plain = {name: each["default"] for name, each in argspec_common.heartbeat()["options"].items()}
    inside = read.inside("heartbeat", tuple(plain))
    return {
        "enable": inside.flag("enable", plain["enable"]),
        "interval": inside.number("interval", plain["interval"], *NUMBER),
        "period": inside.whole("period", plain["period"], *map(int, NUMBER)),
        "periods": inside.whole("periods", plain["periods"], *map(int, NUMBER)),
    }


def _poll(timing: Any) -> float:
    given = timing.get("poll") if isinstance(timing, Mapping) else None
    plain = argspec_common.timing()["options"]["poll"]["default"]
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else float(plain)
