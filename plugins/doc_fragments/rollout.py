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
        type: float
        default: 10.0
  record:
    description:
      - Where the service's record is kept - which release is live, which was good before it, which were rejected and
        why, and who pinned one.
      - It is one object, written only on condition that nobody else wrote since it was read.
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
  lock:
    description:
      - One run at a time may change a service. The lock is an object beside the record, renewed while the run works.
      - A second run says who holds it, since when and what for, and takes it over only when its holder is silent.
    type: dict
    suboptions:
      lease:
        description:
          - Seconds that a holder may be silent. At least one and a half times what one call can take
            (O(aws_config), by default 35 seconds).
        type: float
        default: 60.0
      listen:
        description:
          - Seconds between two looks for what M(greenlight.serving.rollout_control) asks of the rollout. V(0) never
            looks.
        type: float
        default: 5.0
  on_unfinished:
    description:
      - What becomes of a rollout that an earlier run left unfinished - it is taken back first (V(roll_back)), gone on
        with (V(resume), where the same release is wanted), or left alone and the task fails (V(fail)).
      - One that was left on purpose (O(wait=false), a pause) is always gone on with.
    type: str
    choices: [roll_back, resume, fail]
    default: roll_back
"""
