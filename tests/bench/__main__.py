# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.bench`: how fast the simulation and the engine are, and how much memory a worker takes.

Nothing here is a test: CPU seconds depend on the machine, and on who shares its cores. So every figure comes with a
ratio: to the floor and the aim, to an empty function call measured in the same second, to a bare interpreter. The last
line is JSON.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.unit.conftest import ROOT as ROOT  # the collection's import finder, before anything of the collection

FLOOR, AIM = 150, 500  # counted seeds per CPU second of one core
ROUNDS, SEEDS = 5, 200
FIRST = 1_000_000
EMPTY = 200_000  # calls
HIGHEST = "VmHWM:"  # in /proc/self/status, kilobytes; proc(5). getrusage() would know of the parent's, too
WORKER = "{}; print(open('/proc/self/status').read())"
ROLLOUT = "from tests.bench.__main__ import rollout; rollout()"


def empty(seen: object) -> object:
    """What a function call costs on this machine, right now."""
    return seen


def cpu(call: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process, and what came of it."""
    begun = time.process_time()
    found = call()
    return time.process_time() - begun, found


def call_seconds() -> float:
    """CPU seconds of one empty call."""
    spent, _ignored = cpu(lambda: [empty(number) for number in range(EMPTY)])
    return spent / EMPTY


def rollout() -> None:
    """One canary over the simulated cloud, as a worker plays it."""
    import random

    from tests.simulation.ecs_ports import EcsPorts
    from tests.simulation.faults import Faults
    from tests.simulation.runs import locked, run
    from tests.simulation.scenario import plan, world_with

    ports = EcsPorts(world_with("old", random.Random(1)), random.Random(2), "bench")
    ended = run(ports, locked(plan("good", 0, "canary"), "bench"), Faults(locked=True))
    if ended.stop.state != "live":
        raise AssertionError(ended.stop.reason)


def recorded(seeds: int) -> list[tuple[Any, ...]]:
    """Every call of decide() that so many seeds make."""
    from ansible_collections.greenlight.serving.plugins.module_utils import _drive
    from tests.simulation.__main__ import block

    calls: list[tuple[Any, ...]] = []
    known = _drive.decide

    def decide(*given: Any) -> Any:
        calls.append(given)
        return known(*given)

    _drive.decide = decide
    try:
        block(FIRST, seeds)
    finally:
        _drive.decide = known
    return calls


def kilobytes(script: str) -> int:
    """Peak resident memory of a process that runs nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", WORKER.format(script)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(next(line.split()[1] for line in done.stdout.splitlines() if line.startswith(HIGHEST)))


def main() -> int:
    """Measure and print."""
    from ansible_collections.greenlight.serving.plugins.module_utils._engine.decide import decide
    from tests.simulation.__main__ import block

    calls = recorded(SEEDS // 4)
    gc.freeze()
    gc.set_threshold(50_000)
    seeds, decides, costs = [], [], []
    for number in range(ROUNDS):
        one = call_seconds()
        done = block(FIRST + number * SEEDS, SEEDS)
        seeds.append(done.counted / done.cpu)
        spent, _ignored = cpu(lambda: [decide(*call) for call in calls])
        decides.append(len(calls) / spent)
        costs.append(spent / len(calls) / one)
    bare, worker = kilobytes("pass"), kilobytes(ROLLOUT)
    rate, decided, cost = statistics.median(seeds), statistics.median(decides), statistics.median(costs)
    told = {
        "seeds_per_second": round(rate, 1),
        "of_floor": round(rate / FLOOR, 2),
        "of_aim": round(rate / AIM, 2),
        "seeds_per_second_least_and_most": [round(min(seeds), 1), round(max(seeds), 1)],
        "decide_per_second": round(decided),
        "decide_in_empty_calls": round(cost, 1),
        "worker_kilobytes": worker,
        "worker_to_bare_python": round(worker / bare, 2),
    }
    spread = f"{min(seeds):.0f} to {max(seeds):.0f} in {ROUNDS} rounds"
    lines = [
        f"counted seeds per CPU second of one core: {rate:.0f} ({spread}); floor {FLOOR}, aim {AIM}",
        f"decide() per CPU second: {decided:.0f}; one costs as much as {cost:.0f} empty function calls",
        f"peak memory of a process that plays one canary: {worker // 1024} MB, {worker / bare:.1f} x bare Python",
    ]
    sys.stdout.write("\n".join([*lines, json.dumps(told)]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
