# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS allows whatever the platform, as data, each with its page; and what looks like a secret."""

from __future__ import annotations

import math
import re
from collections import Counter

# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
TAGS, TAG_KEY, TAG_VALUE = 50, 128, 256

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html and
# API_CreateRule: at most 5 condition values a rule, of at most 128 characters
PRIORITY = (1, 50000)
CONDITION_VALUES, CONDITION_LENGTH = 5, 128

ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/[\w+=,.@/-]+\Z")

SECRET_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?|AUTH)(_|$|\d)", re.I
)
SECRET_VALUE = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|\bhf_[A-Za-z0-9]{20,}|\bsk-[A-Za-z0-9_-]{20,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|://[^/\s:@]+:[^/\s@]+@"
)
OPAQUE = re.compile(r"[A-Za-z0-9+/=_-]{24,}\Z")
ENTROPY = 4.0  # bits a character; names with numbers stay below, random base64 of this length above


def looks_secret(name: str, value: str) -> bool:
    """By its name, by a known form of key, or because it is a long opaque word of high entropy."""
    if not value:
        return False
    if SECRET_NAME.search(name) and not name.upper().endswith(("_FILE", "_PATH", "_ARN", "_URL", "_NAME", "_ID")):
        return True
    if SECRET_VALUE.search(value):
        return True
    mixed = all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return mixed and bool(OPAQUE.match(value)) and _entropy(value) >= ENTROPY


def _entropy(value: str) -> float:
    """Shannon's, in bits a character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
