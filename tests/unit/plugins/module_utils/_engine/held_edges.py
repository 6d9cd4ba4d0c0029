# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges of the transition table that holds, the heartbeat and the lock add, one row each."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.greenlight.serving.plugins.module_utils._engine import lease
from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import (
    Finding,
    Heart,
    Lease,
    Movement,
    Stop,
    Verb,
)
from ansible_collections.greenlight.serving.plugins.module_utils._engine.phases import End, Phase
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Cause, Lock, Pace, Saving
from tests.unit.plugins.module_utils._engine import held
from tests.unit.plugins.module_utils._engine.cases import NOW, UNFINISHED, deployment, moved, record, samples, seen
from tests.unit.plugins.module_utils._engine.edges import LIVE, TURNING, Edge
from tests.unit.plugins.module_utils._engine.held import CANARY, OK, at_hold, hold, judged

P, E = Phase, End
MINE = Lease("svc", owner="me", who="ann", version="v1")
FREE = lease.begin(MINE, lease.Terms())
OURS = replace(FREE, found=MINE, end=NOW + 60)
WRONG = {"watch": judged(samples=samples("-"), asked=NOW)}
ARMED = seen(heart=OK, todo={Verb.DISARM: ("PutMetricAlarm",)})
GOING = seen(deployment=deployment(Movement.MOVING), heart=OK)
GONE = seen(exists=False, targets=(), serving="")
REFUSED = {"refused": "PutMetricAlarm was refused: AccessDenied", "pace": Pace(looked=NOW, asked_call="PutMetricAlarm")}
PAUSED = {"hold": hold(passed=60.0), "paused": "paused by bob: lunch"}


HELD_EDGES = [
    # --- the lock
    Edge(P.START, P.LOCKING, GOING, {"lock": Lock(FREE), "record": record(unfinished=UNFINISHED)}, CANARY),
    Edge(P.CHECKING, P.LOCKING, seen(), {"findings": (), "lock": Lock(FREE)}, CANARY, says="taking the lock"),
    Edge(P.LOCKING, P.START, seen(), {"lock": Lock(OURS)}, CANARY, says="reading everything again"),
    # --- the heartbeat
    Edge(P.CONFIGURING, P.ARMING, seen(), plan=CANARY),
    Edge(
        P.ARMING, P.BEGINNING, seen(heart=OK), {"pulse": held.Pulse(95.0, 95.0, 95.0, 1)}, CANARY, says="OK and armed"
    ),
    Edge(
        P.ARMING,
        P.ROLLING_BACK,
        seen(todo={Verb.ARM: ("PutMetricAlarm",), Verb.ROLL_BACK: ("DeleteRule",)}),
        {**REFUSED, "first": True, "previous": ""},
        CANARY,
    ),
    Edge(
        P.BEGINNING,
        P.ARMING,
        seen(todo={Verb.BEGIN: ("UpdateService",)}, heart=Heart("alarm", True)),
        plan=CANARY,
        says="not OK any more",
    ),
    # --- holds
    Edge(P.MOVING, P.HOLDING, at_hold(), {"armed": True}, CANARY, says="before any user meets the release"),
    Edge(P.MOVING, P.FINISHING, moved(), {"baked": True}, CANARY, says="every gate was passed before"),
    Edge(P.HOLDING, P.PROCEEDING, at_hold(), {"hold": hold(passed=60.0)}, CANARY),
    Edge(P.HOLDING, P.PAUSING, at_hold(), PAUSED, CANARY, says="paused by bob: lunch"),
    Edge(P.HOLDING, P.MOVING, GOING, {"hold": hold(gone=95.0)}, CANARY, says="not by us"),
    Edge(P.HOLDING, P.TURNING_BACK, at_hold(deployment=TURNING, held=None), {}, CANARY),
    Edge(P.HOLDING, P.ROLLING_BACK, at_hold(), WRONG, CANARY, says="answers wrongly"),
    Edge(P.PAUSING, P.PROCEEDING, at_hold(), {**PAUSED, "promoted": "ann: fine"}, CANARY),
    Edge(P.PAUSING, P.MOVING, GOING, {**PAUSED, "hold": hold(gone=95.0)}, CANARY),
    Edge(P.PAUSING, P.TURNING_BACK, at_hold(deployment=TURNING, held=None), PAUSED, CANARY),
    Edge(P.PAUSING, P.ROLLING_BACK, at_hold(), {**PAUSED, **WRONG}, CANARY),
    Edge(P.PAUSING, E.PAUSED, at_hold(), PAUSED, held.plan(wait=False), says="promote or abort it within 500 s"),
    Edge(P.PROCEEDING, P.MOVING, GOING, {"hold": hold(passed=60.0)}, CANARY, says="goes on"),
    Edge(P.PROCEEDING, P.HOLDING, at_hold(), {"watch": judged(ready_since=None)}, CANARY, says="judging again"),
    Edge(P.PROCEEDING, P.TURNING_BACK, at_hold(deployment=TURNING, held=None), {}, CANARY),
    Edge(P.PROCEEDING, P.ROLLING_BACK, at_hold(), WRONG, CANARY),
    # --- the alarm of a run before, and ends before anything began
    Edge(
        P.CHECKING, P.DISARMING, ARMED, {"findings": (Finding("cpu", "3", "256", "Give 256."),), "record": LIVE}, CANARY
    ),
    *(
        Edge(
            phase,
            P.DISARMING,
            seen(todo={verb: ("Put",)}, heart=OK),
            {"refused": "Put was refused: AccessDenied", "pace": Pace(looked=NOW, asked_call="Put")},
            CANARY,
        )
        for phase, verb in ((P.CONFIGURING, Verb.CONFIGURE), (P.ARMING, Verb.ARM), (P.BEGINNING, Verb.BEGIN))
    ),
    Edge(
        P.VERIFYING,
        P.ROLLING_BACK,
        moved(todo={Verb.ROLL_BACK: ("UpdateService",)}),
        {"cause": Cause("it answers wrongly")},
        CANARY,
        says="does not serve alone any more",
    ),
    # --- the end
    Edge(
        P.START,
        P.DISARMING,
        moved(heart=OK, todo={Verb.DISARM: ("PutMetricAlarm",)}),
        {"record": LIVE, "armed": False},
        CANARY,
        says="is to be put to rest",
    ),
    Edge(P.PROVING, P.DISARMING, moved(heart=OK), {"watch": judged()}, CANARY),
    Edge(P.ROLLING_BACK, P.DISARMING, GONE, {"first": True, "previous": "", "gone_since": NOW - 5}, CANARY),
    Edge(
        P.VERIFYING,
        P.DISARMING,
        seen(),
        {"cause": Cause("it answers wrongly"), "watch": judged(samples=samples(*"+++", release="old"))},
        CANARY,
    ),
    *(
        Edge(P.DISARMING, end, seen(), {"closing": Saving(record(), Stop(end.value, "done"), NOW)}, CANARY)
        for end in (E.LIVE, E.UNCHANGED, E.ROLLED_BACK, E.REMOVED)
    ),
    Edge(P.DISARMING, P.START, seen(), {"closing": Saving(record(), P.START, NOW)}, CANARY),
]
