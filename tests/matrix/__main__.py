# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make matrix PLATFORM=ecs|asg [CELL=…]`: the live matrix. A cell that has passed is not run again; results are kept.

The cells of the pairwise cover; on ECS then the stories, then the naive rollouts, which the load must notice.
Last line: JSON with cells, passed, failed and the pairs that met. Exit code 0 only if every cell passed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import ClientError

for name in [name for name in os.environ if name.startswith(("AWS_", "BOTO_", "ANSIBLE_"))]:
    del os.environ[name]

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from tests.lab.aws.running import RunningLab, running

from .cells import cover, share
from .moments import MatrixError
from .plays import PLATFORMS, Play, plays
from .watch import SCALE

BUILD = Path(__file__).resolve().parents[2] / "build" / "matrix"


def passed(name: str) -> bool:
    path = BUILD / f"{name}.json"
    return path.exists() and json.loads(path.read_text())["ok"] is True


def played(lab: RunningLab, name: str, play: Play, rate: float) -> None:
    """One cell, its file, and a line about it."""
    try:
        document = play(lab, rate, BUILD / name)
    except (MatrixError, AssertionError, ClientError) as error:
        document = {"cell": name, "ok": False, "faults": [str(error)]}
    (BUILD / f"{name}.json").write_text(json.dumps(document, indent=1, default=str) + "\n")
    faults = document["faults"]
    print(f"{'ok  ' if document['ok'] else 'FAIL'} {name}", *(f"\n       {fault}" for fault in faults), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--platform", choices=list(PLATFORMS), default="ecs")
    parser.add_argument("--cell", nargs="+", default=[], help="these alone, also when they have passed before")
    parser.add_argument("--few", action="store_true", help="the first cells of the pairwise cover, not all of it")
    parser.add_argument("--again", action="store_true", help="also cells that have passed before")
    parser.add_argument(
        "--rate", type=float, help="requests per second, if not as many as the platform's two cores bear"
    )
    given = parser.parse_args(arguments)
    known, kinds = plays(given.platform, not given.few), PLATFORMS[given.platform].kinds
    for name in given.cell:
        if name not in known:
            raise SystemExit(f"There is no cell {name}. The cells:\n  " + "\n  ".join(known))
    rate = given.rate or PLATFORMS[given.platform].rate
    BUILD.mkdir(parents=True, exist_ok=True)
    chosen = given.cell or list(known)
    due = [name for name in chosen if given.again or given.cell or not passed(name)]
    for name in chosen:
        if name not in due:
            print(f"kept {name}")
    if due:
        with tempfile.TemporaryDirectory() as place, running(Path(place), SCALE) as lab:
            for name in due:
                played(lab, name, known[name], rate)
    ok = [name for name in chosen if passed(name)]
    met, wanted = share([cell for cell in cover(kinds) if passed(cell.name)], kinds)
    summary = {"cells": len(chosen), "passed": len(ok), "failed": len(chosen) - len(ok), "pairs": met, "of": wanted}
    (BUILD / f"summary-{given.platform}.json").write_text(json.dumps(summary) + "\n")
    print(json.dumps(summary))
    return 0 if len(ok) == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
