# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's import finder, as for the unit tests."""

from tests.unit import conftest

ROOT = conftest.ROOT  # importing that file has installed the finder
