# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every rollout module takes, whatever the platform."""

    DOCUMENTATION = r"""
options:
  timing:
    description: Seconds that a rollout may take, and for which things must hold.
    type: dict
    suboptions:
      deadline:
        description: The whole rollout; when it is over, the release is rolled back.
        type: float
        default: 1800.0
      rollback_deadline:
        description: The way back; when it is over, the task fails with V(needs_operator).
        type: float
        default: 1800.0
      min_ready:
        description:
          - How long every new target must be healthy at the load balancer without a break.
          - Longer than the time after which a model that crashes after its start has crashed.
        type: float
        default: 30.0
      bake:
        description: How long the release must serve without a loss or a wrong answer before it counts as live.
        type: float
        default: 60.0
      poll:
        description: Between two looks at the service.
        type: float
        default: 2.0
      settle:
        description: How long the cloud's answers may lag behind a change.
        type: float
        default: 5.0
      propagation:
        description: How long the load balancer may take to do what its rule says, before its answers are evidence.
        version_added: 0.2.0
        type: float
        default: 10.0
      lease:
        description:
          - How long the lock on the service counts without a sign of life of its holder. Another run takes it over
            after that and a sixth more.
          - From 2 to 3600, and long enough for the longest call - 12/7 of the connect and read timeouts together.
        version_added: 0.2.0
        type: float
        default: 60.0
  record:
    description:
      - Where the service's record is kept - which release is live, which was good before it, which were rejected and
        why, and who pinned one.
      - It is one object, written only on condition that nobody else wrote since it was read.
      - Beside it stand the lock, which one run at a time holds while it changes anything, and what was asked of the
        rollout with M(greenlight.serving.rollout_control).
    type: dict
    suboptions:
      bucket:
        description: Name of the bucket. Required but in check mode.
        type: str
      prefix:
        description: First part of the object's key.
        type: str
        default: greenlight
  target_release:
    description:
      - V(wanted) is the release that the other options describe.
      - V(last_good) is the release that the record knows to have been good before the one that is live.
    type: str
    choices: [wanted, last_good]
    default: wanted
  pin:
    description: Keep this release until the options agree with it or it is unpinned; other runs leave it alone.
    type: bool
    default: false
  unpin:
    description: Drop the pin of an earlier run. Excludes O(pin).
    type: bool
    default: false
  retry_rejected:
    description: Try a release that was rejected before. Otherwise it is refused, saying when and why.
    type: bool
    default: false
  wait:
    description:
      - V(false) returns with V(in_progress) once the rollout has begun. The next run goes on with it.
      - Until then the cloud alone watches over it.
    type: bool
    default: true
  on_unfinished:
    description:
      - What to do first about a rollout that nobody ended, for example because its controller died.
      - V(roll_back) brings the release back that served before, then does what is asked. V(resume) goes on with it when
        it is the release that is asked for, and brings the previous one back otherwise. V(fail) changes nothing.
      - A rollout that was left on purpose, with O(wait=false) or at a step that waits for somebody, is gone on with.
    version_added: 0.2.0
    type: str
    choices: [roll_back, resume, fail]
    default: roll_back
"""
