# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rollout_info read, as lines for people: what serves, what moves, what is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Seen = Mapping[str, Any]
WIDTH = 68  # characters of a line: what Ansible puts around it makes 80
EVENTS = 3  # of the cloud's own, the newest


def lines(seen: Seen, name: str, cloud: str) -> list[str]:
    """`name`: of the service; `cloud`: who moves it, for people. A line that is too long ends in three dots."""
    made = [
        *_service(seen, name),
        *_moving(seen, cloud),
        *_lock(seen),
        *_unfinished(seen),
        *_weights(seen),
        *_targets(seen),
        *_rows("rejected", (f"{release} {why}" for release, why in seen["record"]["rejected"].items())),
        *_rows("the cloud", (f"{cloud}: {event}" for event in seen["events"][-EVENTS:])),
    ]
    return [line if len(line) <= WIDTH else line[: WIDTH - 3] + "..." for line in made]


def _row(what: str, text: Any) -> str:
    return f"{what:<10} {text}"


def _rows(what: str, texts: Iterable[Any]) -> Iterator[str]:
    """The first with its name, the others below."""
    for number, text in enumerate(texts):
        yield _row("" if number else what, text)


def _release(seen: Seen, release: str) -> str:
    labels = {**seen["record"]["releases"], seen["serving"]["id"]: seen["serving"]["label"]}
    return f"{release} {labels.get(release, '')}" if release else "none"


def _service(seen: Seen, name: str) -> Iterator[str]:
    record = seen["record"]
    public = ", closed to the public until proven" if seen["closed"] else ", open to the public"
    yield _row("service", name + (public if seen["exists"] else ""))
    yield _row("serves", _release(seen, seen["serving"]["id"]))
    yield _row("last good", _release(seen, record["last_good"]))
    yield _row("pinned", f"{record['pinned']} by {record['pinned_by']}" if record["pinned"] else "no")


def _moving(seen: Seen, cloud: str) -> Iterator[str]:
    """What the cloud moves, and for whose word it waits."""
    moving = seen["moving"]
    if not moving:
        yield _row("moves", "nothing")
        return
    ours, stage, held = moving["release"]["id"], moving.get("stage"), moving.get("held")
    other = moving.get("task_definition") or "a release that is not known"
    yield _row("moves", f"to {_release(seen, ours) if ours else other}")
    yield _row("", f"{moving['status']}{f', stage {stage}' if stage else ''}")
    if not ours:
        yield _row("", "started by somebody else: no rollout here touches it")
    if held:
        then = "goes on" if held["then"] == "CONTINUE" else "rolls back"
        yield _row("held", f"for a word, until {held['expires'] or f'a time that {cloud} does not say'}")
        yield _row("", f"then {cloud} {then} by itself")
        if ours:
            yield _row("", "the run at work gives it, or: playbooks/control.yml")


def _lock(seen: Seen) -> Iterator[str]:
    lock = seen["lock"]
    if not lock["held"]:
        yield _row("lock", "free")
        return
    yield _row("lock", f"{lock['who']} since {lock['since']}{', silent' if lock['expired'] else ''}")
    yield _row("", f"holder {lock['owner']}, heard of {int(lock.get('age') or 0)} s ago, of {int(lock['lease'])} s")
    if lock["doing"]:
        yield _row("", lock["doing"])


def _unfinished(seen: Seen) -> Iterator[str]:
    left, asked = seen["unfinished"], seen["request"]
    if not left:
        return
    rollout, step = left.get("rollout_id", ""), left.get("step", "")
    yield _row("unfinished", f"{rollout} by {left.get('started_by', 'somebody')}")
    yield _row("", f"to {_release(seen, left.get('to', ''))}")
    yield _row("", f"{left.get('phase', '')}{f' at step {step}' if step else ''} since {left['since']}")
    if left.get("paused"):
        yield _row("", f"waits: {left['paused']}")
    if asked.get("action") and asked.get("rollout_id") == rollout:
        yield _row("asked", f"{asked['action']} by {asked['by']}: {asked['answer'] or 'not read yet'}")


def _weights(seen: Seen) -> Iterator[str]:
    weights = seen["weights"].get("production") or {}
    yield from _rows("weights", (f"{weight:3d} {name}" for name, weight in weights.items()))


def _targets(seen: Seen) -> Iterator[str]:
    targets = sorted(seen["targets"], key=lambda each: str(each["zone"]))
    healthy = sum(each["state"] == "healthy" for each in targets)
    yield _row("targets", f"{healthy} of {seen['desired']} healthy")
    for each in targets:
        yield f"  {each['zone']:<15} {each['id']:<21} {each['state']:<10} {each['release']}"
        if each["reason"]:
            yield _row("", f"  {each['reason']}")
