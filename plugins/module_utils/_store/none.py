# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No store: for check mode without a bucket, where nothing is remembered and nothing is written."""

from __future__ import annotations

from .._engine.model import Record


class NoStore:
    """Implements `_platforms.base.Store`."""

    def __init__(self, service: str) -> None:
        self._record = Record(service=service)

    def load(self) -> Record:
        return self._record

    def save(self, record: Record) -> None:
        self._record = record
