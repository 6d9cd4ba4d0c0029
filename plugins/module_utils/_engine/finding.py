# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an input. Pure, standard library only, and importable on Python 3.9."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with the input or the account, found before any change."""

    field: str
    given: str
    problem: str  # what is allowed
    mend: str  # how to mend it

    def __str__(self) -> str:
        return f"{self.field}: {self.problem} (given: {self.given}). {self.mend}"
