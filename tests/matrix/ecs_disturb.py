# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a rollout on ECS on its way.

Nothing, a dead controller, an API that is down, late or busy, a second controller.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.integration.ecs_rollout.stack import Stack

from .cells import Cell
from .moments import ROOT, STANDS, MatrixError, until

OVER = ("SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED", "STOPPED")
THROTTLED = {"throttle": 0.25, "lost": 0.05}
# The rules are read as they were: ECS has moved the weights, and we are told the old ones.
LATE = {"only": "^elbv2[.]DescribeRules$", "stale": 0.5, "stale_seconds": 60}
DOWN = {"only": "^(ecs|elasticloadbalancing|elbv2)[.]", "error": 1.0}
DOWN_SECONDS = 3.0
# An hour of the cloud's at each hold, and a heart that may be silent for 20 minutes: three real minutes, and one. For
# what waits in real seconds, which no scale shortens: leases, and the pauses after a call was turned away.
PATIENT = {"hold_timeout": 60, "heartbeat": {"interval": 2.0, "period": 30, "periods": 40}}
HELD = 20.0  # the same as STANDS for a second operator, who looks at a lock that is held every 15 s


@dataclass(frozen=True)
class Rollout:
    """A rollout to be disturbed: its options, and where its files go."""

    stack: Stack
    cell: Cell
    options: dict[str, Any]
    folder: Path

    def with_options(self, **changes: Any) -> Rollout:
        return replace(self, options={**self.options, **changes})

    def patient(self) -> Rollout:
        """For what waits in real seconds; it looks less often, so that reads which come late break no readiness."""
        known = self.options["timing"]
        return self.with_options(**PATIENT, timing={**known, "poll": 1.0, "min_ready": max(2.0, known["min_ready"])})

    def standing(self, seconds: float) -> Rollout:
        """The release is judged so many seconds later."""
        known = self.stack.options()["gate"]
        gate = {**known, "initial_delay": seconds, "deadline": known["deadline"] + seconds}
        return self.with_options(gate=gate)

    def run(self, **changes: Any) -> dict[str, Any]:
        """In this process, to its end."""
        try:
            return self.stack.roll_out(self.cell.release, **{**self.options, **changes})
        finally:
            lines = [f"{line.at:.1f} {line.who}: {line.text}\n" for line in self.stack.lines]
            (self.folder / "progress.txt").write_text("".join(lines))

    def start(self) -> subprocess.Popen[bytes]:
        """In another process."""
        given, result = self.folder / "parameters.json", self.folder / "result.json"
        given.write_text(json.dumps(self.stack.parameters(self.cell.release, **self.options)))
        command = [sys.executable, "-m", "tests.matrix.controller", str(given), str(result)]
        log = (self.folder / "controller.log").open("wb")
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def newest(self) -> dict[str, Any]:
        return newest(self.stack)


def newest(stack: Stack) -> dict[str, Any]:
    """The newest service deployment."""
    ecs, place = stack.lab.client("ecs"), {"cluster": stack.facts["cluster"], "service": stack.name}
    arns = [each["serviceDeploymentArn"] for each in ecs.list_service_deployments(**place)["serviceDeployments"]]
    found = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
    last: dict[str, Any] = max(found, key=lambda one: one["createdAt"])
    return last


def settled(rollout: Rollout) -> None:
    until("the deployment to be over", lambda: rollout.newest()["status"] in OVER)


def holds(cell: Cell) -> bool:
    """Whether the cloud comes to a hold: rolling knows none, and what never gets healthy never comes to one."""
    return cell.strategy != "rolling" and cell.release != "never-healthy"


def none(rollout: Rollout) -> dict[str, Any]:
    return rollout.run()


def killed(rollout: Rollout, moment: Callable[[dict[str, Any]], bool]) -> bool:
    """SIGKILL when the new deployment is where `moment` says. False: the deployment or the run was over before."""
    before = rollout.newest()["serviceDeploymentArn"]
    child = rollout.start()
    newest: dict[str, Any] = {}

    def ready() -> bool:
        newest.update(rollout.newest())
        if child.poll() is not None:
            return True
        return newest["serviceDeploymentArn"] != before and (moment(newest) or newest["status"] in OVER)

    try:
        until("a moment to kill the controller", ready)
        return child.poll() is None and newest["status"] not in OVER
    finally:
        child.kill()
        child.wait()


def midway(rollout: Rollout) -> Callable[[dict[str, Any]], bool]:
    """At the first hold; where the cloud never holds, once the new tasks run."""

    def moment(newest: dict[str, Any]) -> bool:
        if holds(rollout.cell):
            return any(hook["status"] == "AWAITING_ACTION" for hook in newest.get("lifecycleHookDetails") or [])
        return bool((newest.get("targetServiceRevision") or {}).get("runningTaskCount"))

    return moment


def killed_rerun(rollout: Rollout) -> dict[str, Any]:
    """Somebody runs it again as soon as the lock may be taken over, before the cloud's timers act."""
    patient = rollout.patient()
    if not killed(patient.standing(STANDS), midway(patient)):
        raise MatrixError("a deployment that is still open when the controller dies")
    time.sleep(rollout.options["timing"]["lease"] * 1.3)
    return patient.run(on_unfinished="resume")


def killed_left(rollout: Rollout) -> dict[str, Any]:
    """Nobody comes back: the cloud's own timer is all there is."""
    if not killed(rollout.standing(STANDS), midway(rollout)):
        raise MatrixError("a deployment that is still open when the controller dies")
    settled(rollout)
    return {"state": "left", "reason": str(rollout.newest().get("statusReason", ""))}


def api_down(rollout: Rollout) -> dict[str, Any]:
    """For a few seconds, once the deployment is on its way."""
    before = rollout.newest()["serviceDeploymentArn"]
    ended: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: ended.update(rollout.run()))
    thread.start()
    until("the deployment", lambda: bool(ended) or rollout.newest()["serviceDeploymentArn"] != before)
    rollout.stack.lab.control("PUT", "chaos", {"rules": [DOWN]})
    time.sleep(DOWN_SECONDS)
    rollout.stack.lab.control("DELETE", "chaos")
    thread.join()
    return ended


def weights_late(rollout: Rollout) -> dict[str, Any]:
    return faulty(rollout, LATE)


def throttled_lost(rollout: Rollout) -> dict[str, Any]:
    return faulty(rollout.patient(), THROTTLED)


def faulty(rollout: Rollout, rule: dict[str, Any]) -> dict[str, Any]:
    """From its first call to its last."""
    rollout.stack.lab.control("PUT", "chaos", {"rules": [rule]})
    try:
        return rollout.run()
    finally:
        rollout.stack.lab.control("DELETE", "chaos")


def second_operator(rollout: Rollout) -> dict[str, Any]:
    """Somebody else wants release 1 again, as soon as the first has written what it is about: refused, and told why."""
    child = rollout.patient().standing(HELD).start()
    until("the record", lambda: child.poll() is not None or bool(rollout.stack.record()["unfinished"]))
    second = rollout.stack.roll_out("1", **rollout.options)
    child.wait()
    result: dict[str, Any] = json.loads((rollout.folder / "result.json").read_text())
    return {**result, "second": f"{second['state']}: {second['reason']}"}


ACTS: dict[str, Callable[[Rollout], dict[str, Any]]] = {
    "none": none,
    "killed-rerun": killed_rerun,
    "killed-left": killed_left,
    "api-down": api_down,
    "weights-late": weights_late,
    "second-operator": second_operator,
    "throttled-lost": throttled_lost,
}
