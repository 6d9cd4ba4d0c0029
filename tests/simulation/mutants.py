# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeded bugs, each of which the simulation must find: `python -m tests.simulation.mutants [NAME ...]`.

Every mutant is one change of one text in a copy of the engine, or of the platform that the seeds play. The same
simulation, unchanged, is played on it until an invariant breaks. The last line is JSON; the exit code is 1 when a mutant lives after `--seeds` seeds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.simulation.asg_bugs import ASG_MUTANTS
from tests.simulation.bugs import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
CODE = Path("plugins/module_utils")
ALL = (*MUTANTS, *ASG_MUTANTS)
COPIED = ("plugins/module_utils", "tests/simulation", "tests/unit/conftest.py")
ALONE = "tests.simulation.mutants"


def played(mutant: Mutant, seeds: int) -> dict[str, object]:
    """Play the mutant until it is found. Gives its name, the seeds it took (0 = it lives), and what broke."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (copy / part).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, copy / part)
        link = copy / "collections/ansible_collections/greenlight"
        link.mkdir(parents=True)
        (link / "serving").symlink_to("../../..")
        path = copy / CODE / mutant.place / mutant.file
        path.write_text(changed(mutant, path.read_text()))
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.simulation",
                "--seeds",
                str(seeds),
                "--until-found",
                "--platform",
                mutant.platform,
            ],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
    lines = done.stdout.splitlines() or ["{}"]
    last = json.loads(lines[-1]) if lines[-1].startswith("{") else {}
    found = last.get("found") or {}
    if done.returncode not in (0, 1):
        found = {"seeds": 1, "broke": f"it does not even run: {done.stderr.splitlines()[-1:]}"}
    return {"name": mutant.name, "file": mutant.file, "seeds": found.get("seeds", 0), "broke": found.get("broke", "")}


def changed(mutant: Mutant, source: str) -> str:
    """The file with the bug; raises ValueError when the text is not there exactly once."""
    for text, bug in ((mutant.text, mutant.bug), *mutant.also):
        if source.count(text) != 1:
            raise ValueError(f"{mutant.name}: the text is in {mutant.file} {source.count(text)} times")
        source = source.replace(text, bug)
    return source


def main(arguments: list[str]) -> int:
    """Play all mutants, or those whose name holds one of the given words."""
    parser = argparse.ArgumentParser(prog=f"python -m {ALONE}", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5000)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args(arguments)
    chosen = [each for each in ALL if not given.names or any(word in each.name for word in given.names)]
    results = []
    for mutant in chosen:
        results.append(played(mutant, given.seeds))
        row = results[-1]
        sys.stdout.write(f"| {row['name']} | `{row['file']}` | {row['seeds'] or 'LIVES'} | {row['broke']} |\n")
        sys.stdout.flush()
    living = [row["name"] for row in results if not row["seeds"]]
    sys.stdout.write(
        json.dumps({"mutants": len(results), "killed": len(results) - len(living), "living": living}) + "\n"
    )
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
