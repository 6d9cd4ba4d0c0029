# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the live matrix can run, by name: the cells of the cover, the stories, the naive rollouts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.lab.aws.running import RunningLab

from . import naive, run, stories
from .cells import FEW, cover

Play = Callable[[RunningLab, float, Path], dict[str, Any]]


def plays(every: bool) -> dict[str, Play]:
    """What can be run, by name, in order."""
    found: dict[str, Play] = {}
    for cell in cover()[: None if every else FEW]:
        found[cell.name] = partial(run.play, cell)
    for story in stories.everything():
        found[story.name] = partial(stories.play, story)
    for name in naive.NAIVE:
        found[name] = partial(naive.play, name)
    return found
