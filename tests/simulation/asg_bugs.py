# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seeded bugs of EC2 Auto Scaling: of its platform, and of what the engine does for it."""

from __future__ import annotations

from functools import partial

from tests.simulation.bugs import Mutant

_platform = partial(Mutant, place="_platforms", platform="asg")
_engine = partial(Mutant, platform="asg")

ASG_MUTANTS = (
    _platform(
        "the timer is armed late: after the traffic was shifted",
        "asg_shift_steps.py",
        '    return steps + shifted(view, rule, "production", arrival.colour, kept.weight, mark)',
        '    return shifted(view, rule, "production", arrival.colour, kept.weight, mark) + steps',
    ),
    _platform(
        "the next timer is armed after the last was disarmed",
        "asg_shift_steps.py",
        "        if not any(each.weight == kept.weight and each.at >= kept.until for each in arrival.timers()):",
        "        if arrival.timers():\n            return disarmed(view, arrival.timers())\n"
        "        if not any(each.weight == kept.weight and each.at >= kept.until for each in arrival.timers()):",
    ),
    _platform(
        "the old group is emptied before the timer's last call",
        "asg_shift_steps.py",
        "    if snapshot.groups.get(idle) is None or waits(view) > 0:",
        "    if snapshot.groups.get(idle) is None:",
    ),
    _platform(
        "the incoming group goes before the load balancer follows its rule",
        "asg_back.py",
        "        if not steps and (view.met(view.idle) or asg_shift_steps.waits(view) > 0):",
        "        if False:",
    ),
    _platform(
        "a refresh that no alarm watches",
        "asg_refresh.py",
        "    if watched:\n",
        "    if False:\n",
    ),
    _platform(
        "a refresh that may go below what is wanted",
        "asg_refresh.py",
        '        "MinHealthyPercentage": maintenance["minimum_healthy_percent"],',
        '        "MinHealthyPercentage": 50,',
    ),
    _platform(
        "the scaling of the group that comes is left on",
        "asg_shift_steps.py",
        "    steps = asg_group_steps.frozen(view, coming)\n",
        "    steps = []\n",
    ),
    _platform(
        "scaling is not restored on the way back",
        "asg_back.py",
        "        return steps + asg_group_steps.thawed(view, live)",
        "        return steps",
    ),
    _platform(
        "what a person suspended is resumed, too",
        "asg_group_steps.py",
        "        marked = [process for process in FROZEN if process not in suspended]",
        "        marked = list(FROZEN)",
    ),
    _platform(
        "the desired count is reset",
        "asg_group.py",
        '    return bounds | ({"DesiredCapacity": capacity["desired"]} if capacity["manage_desired"] else {})',
        '    return bounds | {"DesiredCapacity": capacity["desired"]}',
    ),
    _platform(
        "counts are not carried over to the group that comes",
        "asg_shift_steps.py",
        "    count, name = sizes(view.group or {}), group_name(view.params, coming)",
        "    count, name = {**sizes(view.group or {}), 'DesiredCapacity': 2}, group_name(view.params, coming)",
    ),
    _platform(
        "a rule that somebody else moved is not read back",
        "asg_view.py",
        "        return arrival.share(test) if arrival.release == self.release else 100 - arrival.share(test)",
        "        return (arrival.kept.weight if arrival.kept and not test else arrival.share(test))",
    ),
    _platform(
        "the timer that fired is not noticed",
        "asg_arrival.py",
        "        if kept.weight == DONE or kept.weight > first or over:",
        "        if False:",
    ),
    _engine(
        "the end of a checkpoint is taken as a pass",
        "holds.py",
        "    if left >= to_come + plan.timing.settle + 2 * plan.timing.poll:",
        "    if True:",
        also=(
            (
                '    if plan.chain.goes_on:\n        text = f"{plan.mover} went on before',
                '    if False:\n        text = f"{plan.mover} went on before',
            ),
            ("    return wrong(plan, state, now) or lost(", "    return lost("),
        ),
    ),
    _engine(
        "want of room rejects the release",
        "forward.py",
        'rejects="no" if deployment.starved else "yes"',
        'rejects="yes"',
    ),
    _engine(
        "what was held still stays so after a refused rollout",
        "pulse.py",
        "    if plan.heartbeat is None and not state.armed and not seen.todo.get(Verb.DISARM):",
        "    if plan.heartbeat is None and not state.armed:",
    ),
)
