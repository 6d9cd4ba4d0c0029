# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's parts, built and connected: the one place that knows them all."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab.aws.api import fill
from tests.lab.aws.api.interfaces import InterfaceRegistry
from tests.lab.aws.core import Lab
from tests.lab.aws.network import InterfacePool
from tests.lab.aws.procs import ProcessTable
from tests.lab.aws.truth import limits
from tests.lab.images.registry import resolve


@dataclass(frozen=True)
class Parts:
    """What `server.py` drives."""

    engines: Sequence[Callable[[], None]]  # one tick each, under the lab's lock
    tickers: Sequence[Callable[[], Awaitable[None]]]  # in the loop, without it
    closers: Sequence[Callable[[], Awaitable[None]]]  # in the loop, at its end
    close: Callable[[], None]  # after the loop's end
    counters: Callable[[], Any]
    tasks: Callable[[], Any]


def build(lab: Lab, mark: str) -> Parts:
    """`mark` goes into the environment of every process of this lab."""
    processes = ProcessTable(resolve, None, lab.settings.scale, sys.stderr.fileno(), mark)
    lab.processes = processes
    lab.network = InterfacePool(InterfaceRegistry(lab.account, lab.region), lab.settings.network)
    fill.install()
    limits.install(lab)
    return Parts([], [], [], processes.close, dict, list)
