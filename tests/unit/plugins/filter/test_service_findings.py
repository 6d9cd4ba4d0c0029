# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.greenlight.serving.plugins.filter.service_findings import FilterModule

service_findings = FilterModule().filters()["service_findings"]


def test_sentences_carry_the_variables_names() -> None:
    found = service_findings({"asg_fleet_state": "absent", "asg_fleet_name": "ab", "other_name": "x"}, "asg_fleet")
    assert [sentence.partition(":")[0] for sentence in found] == [
        "asg_fleet_name",
        "asg_fleet_region",
        "asg_fleet_record_bucket",
    ]


def test_what_is_wrong_by_itself_is_not_told_again_by_the_account() -> None:
    given = {"asg_fleet_ami_id": "ami-1"}
    read = {"front": {}, "image": {"images": []}, "owner": "asg_fleet/x", "group_name": "x-instances"}
    told = [sentence.partition(":")[0] for sentence in service_findings(given, "asg_fleet", read=read)]
    assert "asg_fleet_ami_id" not in told
    assert "asg_fleet_frontend" in told


@pytest.mark.parametrize(("given", "role"), [([], "asg_fleet"), ({}, "alb_frontend")])
def test_what_cannot_be_checked_is_a_mistake_of_the_role(given: object, role: str) -> None:
    with pytest.raises(AnsibleFilterError, match="wants the variables of one of asg_fleet"):
        service_findings(given, role)
