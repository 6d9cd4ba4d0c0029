# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell: a service with release 1, load on it, a rollout that is disturbed, and what users saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.lab.aws.running import RunningLab
from tests.lab.load.attribution import Loss

from . import judge, watch
from .cells import Cell, Kinds
from .judge import End, Expected
from .watch import Service, Watch


@dataclass(frozen=True)
class Act:
    """A rollout, disturbed and over. `result`: what it returned; `killed`: what we took away, and when."""

    result: dict[str, Any]
    killed: dict[str, float]


@dataclass(frozen=True)
class Platform:
    """What of a cell is a platform's own.

    `served`: a service with release 1 live, and the release's id; `act`: the disturbed rollout, to its settled end;
    `end`: what serves then, as the cloud tells it; `expected`: how a cell must end; `weight`: percent of the traffic
    that may meet a release before its verdict, None = any; `losses`: targets that died, each with its budget;
    `promised`: the same in words, before the run. Both take requests per second; `rate`: those that are sent, at most.
    """

    kinds: Kinds
    rate: float
    served: Callable[[RunningLab], AbstractContextManager[tuple[Any, str]]]
    act: Callable[[Cell, Any, Path], Act]
    end: Callable[[Cell, Any], End]
    expected: Callable[[Cell], Expected]
    weight: Callable[[Cell], float | None]
    losses: Callable[[Cell, Any, float, Act], Sequence[Loss]]
    promised: Callable[[Cell, float], str]


def play(platform: Platform, cell: Cell, lab: RunningLab, rate: float, folder: Path) -> dict[str, Any]:
    """The cell's document. Raises MatrixError when something never happened."""
    folder.mkdir(parents=True, exist_ok=True)
    with platform.served(lab) as (stack, before):
        service: Service = stack
        event = watch.last_event(service)
        with Watch(cell.name, service.url, rate, folder) as watched:
            print(f"     {cell.name}: {platform.promised(cell, watched.rate)}", flush=True)
            act = platform.act(cell, stack, folder)
        seen = judge.Seen(
            cell=cell,
            expected=platform.expected(cell),
            state=str(act.result.get("state", "")),
            reason=str(act.result.get("reason", "")),
            second=str(act.result.get("second", "")),
            before=before,
            wanted=str((act.result.get("release") or {}).get("id", "")),
            end=platform.end(cell, stack),
            lab=watch.fallen(service, event),
            users=watched.users(
                partial(judge.most_wrong, platform.weight(cell), watched.rate),
                platform.losses(cell, stack, watched.rate, act),
            ),
        )
    return judge.as_dict(seen, judge.faults(seen))
