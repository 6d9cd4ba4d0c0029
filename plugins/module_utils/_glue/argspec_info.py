# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specifications of rollout_info and rollout_control, whatever the platform."""

from __future__ import annotations

from . import argspec_common
from .argspec_common import Spec

REQUIRES = [("platform", "ecs", ("cluster",))]
CONTROL_REQUIRES = [*REQUIRES, ("action", "unlock", ("holder", "reason"))]


def rollout_info() -> Spec:
    return {
        **argspec_common.connection(),
        "platform": {"type": "str", "default": "ecs", "choices": ["ecs", "asg"]},
        "cluster": {"type": "str"},
        "name": {"type": "str", "required": True},
        "record": argspec_common.record(),
    }


def rollout_control() -> Spec:
    return {
        **rollout_info(),
        "action": {"type": "str", "required": True, "choices": ["promote", "pause", "resume", "abort", "unlock"]},
        "reason": {"type": "str"},
        "holder": {"type": "str"},
    }
