# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.greenlight.serving.plugins.filter.least_policy import FilterModule
from ansible_collections.greenlight.serving.plugins.module_utils._glue import rights

least_policy = FilterModule().filters()["least_policy"]
PLACE = {"region": "eu-central-1", "bucket": "example-greenlight"}


def test_what_is_not_given_is_as_the_roles_have_it() -> None:
    wanted = {"name": "digits", "platform": "asg", "prefix": "greenlight", "partition": "aws", "schedules": "default"}
    assert least_policy("digits", "asg", **PLACE) == rights.policy({**wanted, **PLACE})
    assert least_policy("digits", "asg", **PLACE, prefix="/greenlight/") == rights.policy({**wanted, **PLACE})


def test_a_platform_that_is_not_there_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="platform must be one of asg, ecs, not octavia"):
        least_policy("digits", "octavia", **PLACE)
