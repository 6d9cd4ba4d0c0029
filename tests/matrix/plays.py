# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a platform's live matrix can run, by name: the cover's cells; on ECS stories and naive rollouts, too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.lab.aws.running import RunningLab

from . import asg, ecs, naive, run, stories
from .cells import cover

PLATFORMS = {"ecs": ecs.PLATFORM, "asg": asg.PLATFORM}
Play = Callable[[RunningLab, float, Path], dict[str, Any]]


def plays(name: str, every: bool) -> dict[str, Play]:
    """What can be run on the platform of that name, in order. `every`: all of it, not the first few of the cover."""
    platform, found = PLATFORMS[name], dict[str, Play]()
    for cell in cover(platform.kinds)[: None if every else platform.kinds.few]:
        found[cell.name] = partial(run.play, platform, cell)
    if platform is ecs.PLATFORM:
        for story in stories.everything():
            found[story.name] = partial(stories.play, story)
        for careless in naive.NAIVE:
            found[careless] = partial(naive.play, careless)
    return found
