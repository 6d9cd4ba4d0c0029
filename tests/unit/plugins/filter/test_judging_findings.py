# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.greenlight.serving.plugins.filter.judging_findings import FilterModule

judging_findings = FilterModule().filters()["judging_findings"]


def test_sentences_carry_the_variables_names() -> None:
    found = judging_findings({"timing": {"poll": 0}}, prefix="my_")
    assert found == ["my_timing.poll: a number from 0.05 to 600 seconds (given: 0). Give one in that range."]


def test_what_is_in_order_gives_nothing() -> None:
    assert judging_findings({"probes": [{"path": "/v2/x"}]}, admitted=["/v2/*"]) == []


def test_no_mapping_is_a_mistake_of_the_role() -> None:
    with pytest.raises(AnsibleFilterError, match="wants a mapping, not list"):
        judging_findings([])
