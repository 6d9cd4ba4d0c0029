# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make matrix PLATFORM=ecs [CELL=…]`: the live matrix. A cell that has passed is not run again; results are kept.

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

for name in [name for name in os.environ if name.startswith(("AWS_", "BOTO_", "ANSIBLE_"))]:
    del os.environ[name]

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from tests.lab.aws.running import RunningLab, running

from . import disturb, judge, run
from .cells import FEW, Cell, cover, share

BUILD = Path(__file__).resolve().parents[2] / "build" / "matrix"


def chosen(cell: str, every: bool) -> list[Cell]:
    """Raises SystemExit for a name that no cell has."""
    cells = cover() if every or cell else cover()[:FEW]
    found = [each for each in cells if cell in ("", each.name)]
    if not found:
        names = "\n  ".join(each.name for each in cells)
        raise SystemExit(f"There is no cell {cell}. The cells:\n  {names}")
    return found


def passed(cell: Cell) -> bool:
    path = BUILD / f"{cell.name}.json"
    return path.exists() and json.loads(path.read_text())["ok"] is True


def play(lab: RunningLab, cell: Cell, rate: float) -> bool:
    """One cell, its file, and a line about it."""
    try:
        seen, found = run.play(lab, cell, rate, BUILD / cell.name)
        document = judge.as_dict(seen, found)
    except disturb.MatrixError as error:
        document = {"cell": cell.name, "ok": False, "faults": [str(error)]}
    (BUILD / f"{cell.name}.json").write_text(json.dumps(document, indent=1, default=str) + "\n")
    faults = document["faults"]
    print(f"{'ok  ' if document['ok'] else 'FAIL'} {cell.name}", *(f"\n       {fault}" for fault in faults), flush=True)
    return bool(document["ok"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--cell", default="", help="this one alone, also when it has passed before")
    parser.add_argument("--all", action="store_true", help="the whole pairwise cover, not its first cells")
    parser.add_argument("--again", action="store_true", help="also cells that have passed before")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    given = parser.parse_args(arguments)
    cells = chosen(given.cell, given.all)
    BUILD.mkdir(parents=True, exist_ok=True)
    due = [cell for cell in cells if given.again or given.cell or not passed(cell)]
    for cell in cells:
        if cell not in due:
            print(f"kept {cell.name}")
    for cell in due:
        with tempfile.TemporaryDirectory() as place, running(Path(place), run.SCALE) as lab:
            play(lab, cell, given.rate)
    ok = [cell for cell in cells if passed(cell)]
    met, wanted = share(ok)
    summary = {"cells": len(cells), "passed": len(ok), "failed": len(cells) - len(ok), "pairs": met, "of": wanted}
    (BUILD / "summary.json").write_text(json.dumps(summary) + "\n")
    print(json.dumps(summary))
    return 0 if len(ok) == len(cells) else 1


if __name__ == "__main__":
    sys.exit(main())
