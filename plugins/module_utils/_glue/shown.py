# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock and a request as modules return them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .._engine.lease import Lease, Request


def lock(found: Lease, age: float | None = None) -> dict[str, Any]:
    """`age`: seconds since its last beat, by the store's clock. A lock that was freed names who had it last."""
    members = asdict(found)
    shown = {name: members[name] for name in ("owner", "who", "since", "doing", "rollout_id")}
    held = bool(found.owner)
    return {
        "held": held,
        **shown,
        "lease": found.seconds if held else 0.0,
        "age": age if held else None,
        "expired": held and age is not None and age > found.seconds,
    }


def request(asked: Request | None) -> dict[str, Any]:
    """Empty when nothing was ever asked."""
    if asked is None or (not asked.version and not asked.action):
        return {}
    return {name: value for name, value in asdict(asked).items() if name not in ("service", "version")}
