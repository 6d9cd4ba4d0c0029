# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.simulation --seeds N --first K [--jobs J]`: play seeds; the last line is JSON.

A seed that breaks an invariant is shrunk and printed with its schedule; `--first SEED --seeds 1` plays it alone.
The exit code is 1 when an invariant broke, or when many seeds showed too little (coverage.py says what is asked for).
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.simulation.platforms import DECKS
from tests.unit.conftest import ROOT as ROOT  # the collection's import finder, before anything of the collection

BLOCK = 250
SHOWN = 5  # violations that are shrunk and printed


@dataclass
class Sum:
    """What many seeds showed."""

    seeds: int = 0
    counted: int = 0
    violations: list[tuple[int, str]] = field(default_factory=list)
    cpu: float = 0.0
    virtual: float = 0.0
    steps: list[int] = field(default_factory=list)
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)

    def add(self, other: Sum) -> None:
        """Both together."""
        self.seeds += other.seeds
        self.counted += other.counted
        self.violations += other.violations
        self.cpu += other.cpu
        self.virtual += other.virtual
        self.steps += other.steps
        self.met += other.met
        self.reached += other.reached


def block(first: int, seeds: int, platform: str = "ecs") -> Sum:
    """Play seeds one after the other."""
    from tests.simulation.play import simulate
    from tests.simulation.schedule import schedule

    done, begun = Sum(), time.process_time()
    for seed in range(first, first + seeds):
        done.seeds += 1
        try:
            told = simulate(schedule(seed, platform))
        except AssertionError as error:
            done.violations.append((seed, str(error)))
            continue
        done.counted += told.counts
        done.virtual += told.seconds
        if told.counts:
            done.steps.append(told.steps)
        done.met += told.met
        done.reached += told.reached
    done.cpu = time.process_time() - begun
    return done


def played(first: int, wanted: int, jobs: int, platform: str = "ecs") -> Iterator[Sum]:
    """Blocks of seeds, until so many counted: a seed without three kinds of faults and a gate is not one."""
    gc.freeze()
    gc.set_threshold(50_000)  # a state lives for one step: collecting often finds nothing
    counted = 0
    with multiprocessing.get_context("fork").Pool(jobs) if jobs > 1 else _Alone() as pool:
        while counted < wanted:
            size = min(BLOCK, max(1, -(-(wanted - counted) // jobs)))
            calls = [(first + number * size, size, platform) for number in range(jobs)]
            for done in pool.starmap(block, calls):
                counted += done.counted + len(done.violations)
                yield done
            first += size * jobs


class _Alone:
    """A pool of this process alone."""

    def __enter__(self) -> _Alone:
        return self

    def __exit__(self, *of: object) -> None:
        pass

    def starmap(self, call: object, given: list[tuple[int, int, str]]) -> list[Sum]:
        return [block(*each) for each in given]


def main(arguments: list[str]) -> int:
    """Play, print, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3000, help="seeds that count")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--platform", choices=sorted(DECKS), default="ecs")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--until-found", action="store_true", help="stop at the first violation")
    given = parser.parse_args(arguments)
    if given.until_found:
        return _until_found(given.first, given.seeds, given.platform)
    total, begun = Sum(), time.monotonic()
    for done in played(given.first, given.seeds, given.jobs, given.platform):
        total.add(done)
        for seed, error in done.violations[:SHOWN]:
            _show(seed, error, given.platform)
        if total.seeds % (4 * BLOCK) < BLOCK * given.jobs:
            _line(f"{total.counted} of {given.seeds} seeds, {len(total.violations)} violation(s)")
    told = summary(total, given.first, time.monotonic() - begun, given.platform)
    _line(json.dumps(told))
    return 1 if total.violations or told["missing"] else 0


def _until_found(first: int, seeds: int, platform: str) -> int:
    """For mutants: how many seeds it takes. A run that does not end, or breaks, is found, too."""
    from tests.simulation.play import simulate
    from tests.simulation.schedule import schedule

    for number in range(seeds):
        try:
            simulate(schedule(first + number, platform))
        except Exception as error:  # whatever a bug does
            found = {"seeds": number + 1, "broke": " ".join(str(error).split())[:90] or type(error).__name__}
            _line(json.dumps({"found": found}))
            return 1
    _line(json.dumps({"found": None}))
    return 0


def summary(total: Sum, first: int, wall: float, platform: str = "ecs") -> dict[str, object]:
    """The last line."""
    from tests.simulation.coverage import missing

    faults = sorted({fault for fault, _ignored in total.met})
    steps = sorted(total.steps) or [0]
    return {
        "platform": platform,
        "seeds": total.counted,
        "played": total.seeds,
        "first": first,
        "violations": len(total.violations),
        "seeds_per_second": round(total.counted / max(total.cpu, 0.001), 1),  # of one core: CPU seconds of all jobs
        "wall_seconds": round(wall, 1),
        "virtual_seconds": round(total.virtual),
        "median_steps": steps[len(steps) // 2],
        "missing": missing(total.counted, total.met, total.reached, platform),
        "pairs": len(total.met),
        "coverage": {fault: {p: n for (f, p), n in sorted(total.met.items()) if f == fault} for fault in faults},
        "states": dict(sorted(total.reached.items())),
    }


def _show(seed: int, error: str, platform: str) -> None:
    from tests.simulation.schedule import schedule
    from tests.simulation.shrink import shrink

    _line(f"seed {seed}: {error}")
    _line(f"  {schedule(seed, platform)}")
    small, why = shrink(schedule(seed, platform))
    _line(f"  shrunk: {small}")
    _line(f"  {why}")
    _line(f"  again: python -m tests.simulation --platform {platform} --first {seed} --seeds 1")


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
