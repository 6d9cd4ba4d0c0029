# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign text made safe to show: one line of printable characters, no secrets, and never much of it.

Standard library only, Python 3.9.
"""

from __future__ import annotations

import json
from typing import Sequence

LONGEST = 120  # characters of a reason
HIDDEN = "(hidden)"


def printable(text: str, longest: int = LONGEST, hide: Sequence[str] = ()) -> str:
    """`text` without secrets and control characters, cut to `longest` characters.

    Secrets go before the cut: half a secret is one, too. A secret is hidden as it is, as JSON would write it,
    and without the scheme in front (`Bearer …`).
    """
    for secret in sorted(_variants(hide), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = "".join(sign if sign.isprintable() else "�" for sign in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _variants(hide: Sequence[str]) -> set[str]:
    whole = {secret for secret in hide if secret}
    whole |= {secret.partition(" ")[2] for secret in whole if len(secret.partition(" ")[2]) >= 4}
    return whole | {json.dumps(secret)[1:-1] for secret in whole}
