#!/usr/bin/python
# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ecs_cluster
short_description: An ECS cluster with Container Insights and an owner
version_added: 0.1.0
description:
  - Creates an ECS cluster with Container Insights and tags, keeps both as they are said, and removes it again.
  - Only a cluster that carries the owner's tag is changed or removed. One that somebody else made is used as it is.
  - M(community.aws.ecs_cluster) 10.0 can neither switch Container Insights on nor set tags, and takes away the
    capacity providers of a cluster that it finds.
author:
  - greenlight.serving contributors (@greenlight)
options:
  name:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description:
      - V(present) makes the cluster and keeps its settings; V(absent) removes it.
      - A cluster in which there still are services or tasks is not removed; see RV(kept).
    type: str
    choices: [present, absent]
    default: present
  owner:
    description: Value of the tag C(greenlight:owner). Clusters without it are never changed.
    type: str
    required: true
  container_insights:
    description:
      - V(enhanced) also measures tasks and containers; V(enabled) measures cluster and services.
    type: str
    choices: [enhanced, enabled, disabled]
    default: enhanced
  tags:
    description: Tags to set. Other tags that the cluster has are left alone.
    type: dict
    default: {}
extends_documentation_fragment:
  - greenlight.serving.aws
attributes:
  check_mode:
    support: full
    description: Says what would change, without changing it.
  diff_mode:
    support: full
    description: Shows settings and tags before and after.
"""

EXAMPLES = r"""
- name: Make the cluster
  greenlight.serving.ecs_cluster:
    name: serving
    owner: team-models
    tags:
      stage: production

- name: Remove it when nothing runs in it any more
  greenlight.serving.ecs_cluster:
    name: serving
    owner: team-models
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster as it is now; in check mode as it would be.
  returned: always
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    arn:
      description: Its ARN; empty while it does not exist.
      type: str
    container_insights:
      description: What is measured.
      type: str
    tags:
      description: All its tags.
      type: dict
kept:
  description: Why the cluster was left as it is; empty when nothing spoke against it.
  returned: always
  type: str
  sample: 2 other services in it
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._glue.cluster import run, spec
from ..module_utils._glue.ending import attempt, end


def main() -> None:
    module = AnsibleModule(argument_spec=spec(), supports_check_mode=True)
    end(module, attempt(run, module.argument_spec, module.params, module.check_mode))


if __name__ == "__main__":
    main()
