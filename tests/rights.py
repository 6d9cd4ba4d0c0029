# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a policy allow a call? By its action alone: which resource a call is about is IAM's to say."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

PREFIXES = {"elbv2": "elasticloadbalancing", "elb": "elasticloadbalancing"}
FREE = frozenset({"sts:GetCallerIdentity"})  # "No permissions are required": AWS STS API, GetCallerIdentity


def action(api: str, operation: str) -> str:
    """As IAM names it. `api`: boto3's client name."""
    return f"{PREFIXES.get(api, api)}:{operation}"


def allowed(policy: Mapping[str, Any], api: str, operation: str) -> bool:
    wanted = action(api, operation)
    return wanted in FREE or any(
        fnmatchcase(wanted, each) for statement in policy["Statement"] for each in statement["Action"]
    )
