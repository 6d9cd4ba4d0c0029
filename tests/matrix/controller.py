# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of ecs_rollout in a process of its own, so that it can be killed: PARAMETERS RESULT (two JSON files)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import tests.unit.conftest  # noqa: F401 - makes the collection importable
from ansible_collections.greenlight.serving.plugins.module_utils._engine.state import Event
from ansible_collections.greenlight.serving.plugins.module_utils._glue.kit_ecs import run


def main(parameters: str, result: str) -> None:
    Path(result).write_text(json.dumps(run(json.loads(Path(parameters).read_text()), False, report), default=str))


def report(event: Event, waiting: bool) -> None:
    """Progress goes to the log."""
    if not waiting:
        print(f"{event.at:.1f} {event.who}: {event.text}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
