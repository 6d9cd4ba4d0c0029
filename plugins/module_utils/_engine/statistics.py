# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares and their uncertainty. Pure."""

from __future__ import annotations

import math

SURE = 3.0  # standard deviations: a true share lies outside about once in 370 looks, and a gate looks often


def wilson(hits: int, total: int, z: float = SURE) -> tuple[float, float]:
    """The interval, 0 to 1, that a share seen as `hits` of `total` may come from; (0, 1) when nothing was seen.

    Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
    """
    if total <= 0:
        return 0.0, 1.0
    share, square = hits / total, z * z
    middle = share + square / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    scale = 1 + square / total
    low = 0.0 if hits <= 0 else (middle - half) / scale  # exact at the ends, where rounding would lie
    high = 1.0 if hits >= total else (middle + half) / scale
    return max(0.0, low), min(1.0, high)


def agrees(hits: int, total: int, percent: float, z: float = SURE) -> bool:
    """Whether a share of `percent` may show itself as `hits` of `total`."""
    low, high = wilson(hits, total, z)
    return low <= percent / 100 <= high
