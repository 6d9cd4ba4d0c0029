# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule of the truth filter for Elastic Load Balancing (version 2)."""

from __future__ import annotations

from tests.lab.aws.truth import elbv2_balancers, elbv2_groups, elbv2_listeners
from tests.lab.aws.truth.base import Rule

# A check's facts are an api.elbv2_facts.Facts.
RULES: list[Rule] = [*elbv2_balancers.RULES, *elbv2_groups.RULES, *elbv2_listeners.RULES]
