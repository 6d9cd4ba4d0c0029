# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's parts, built and connected: the one place that knows them all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.lab.aws import artifacts
from tests.lab.aws.api import autoscaling, cloudwatch, ec2, ecs, elbv2, fill, scheduler
from tests.lab.aws.api.autoscaling_known import Known
from tests.lab.aws.api.ec2_instances import InstanceRecords
from tests.lab.aws.api.interfaces import InterfaceRegistry
from tests.lab.aws.core import Lab
from tests.lab.aws.engine.asg_fleet import Fleet
from tests.lab.aws.engine.asg_model import Group, Instance
from tests.lab.aws.engine.ecs_model import Service, Task
from tests.lab.aws.engine.ecs_scheduler import Scheduler
from tests.lab.aws.hosts import HostPool
from tests.lab.aws.load import Meter
from tests.lab.aws.loop import Movers
from tests.lab.aws.network import InterfacePool
from tests.lab.aws.plane.balancer import Balancer
from tests.lab.aws.procs import ProcessTable
from tests.lab.aws.truth import limits
from tests.lab.images.registry import resolve


@dataclass(frozen=True)
class Parts:
    """What `server.py` drives."""

    movers: Movers
    close: Callable[[], None]  # after the loop's end
    counters: Callable[[], Any]
    tasks: Callable[[], Any]
    instances: Callable[[], Any]
    schedules: scheduler.Desk


def build(lab: Lab, mark: str) -> Parts:
    """`mark` goes into the environment of every process of this lab."""
    balancer = lab.targets = Balancer(lab.clock, lab)
    processes = ProcessTable(resolve, balancer.interfaces, lab.settings.scale, sys.stderr.fileno(), mark)
    lab.processes = processes
    lab.network = InterfacePool(InterfaceRegistry(lab.account, lab.region), lab.settings.network)
    lab.ecs = Scheduler(lab.clock, balancer, processes, lab.network, lab.rng)
    records = InstanceRecords(lab.account, lab.region)
    lab.hosts = HostPool(lab.clock, processes, lab.network, records, artifacts.serve, lab.log)
    lab.fleet = Fleet(lab.clock, balancer, lab.hosts, lab.rng)
    meter = Meter(lab.clock, lab.hosts, balancer.requests)
    fill.install(lab)
    limits.install(lab)
    ec2.install(lab)
    elbv2.install(lab)
    ecs.install(lab)
    desk = cloudwatch.install(lab)
    timer = scheduler.install(lab)
    autoscaling.install(lab, Known(lab, records, meter))
    return Parts(
        movers=Movers(
            engines=[desk.tick, lab.ecs.tick, lab.hosts.tick, meter.tick, lab.fleet.tick, timer.tick],
            tickers=[balancer.tick],
            closers=[balancer.close],
        ),
        close=processes.close,
        counters=balancer.counters,
        tasks=lambda: [shown(service, task, processes) for service in lab.ecs.everything for task in live(service)],
        schedules=timer,
        instances=lambda: [
            machine(lab, group, one) for group in lab.fleet.groups.values() for one in group.instances.values()
        ],
    )


def live(service: Service) -> list[Task]:
    return [task for task in service.tasks.values() if not task.released]


def shown(service: Service, task: Task, processes: ProcessTable) -> dict[str, Any]:
    """A task for `GET /lab/state`: where it runs, as which processes, from which release."""
    containers = {
        spec.name: {"pid": processes.pid(task.key(spec.name)), "image": spec.image, "ports": list(spec.ports)}
        for spec in task.revision.containers
    }
    releases = [spec.environment.get("GREENLIGHT_RELEASE") for spec in task.revision.containers]
    return {
        "cluster": service.cluster,
        "service": service.name,
        "task": task.id,
        "status": task.status,
        "address": task.address,
        "zone": task.zone,
        "pid": next((container["pid"] for container in containers.values()), None),
        "release": next((release for release in releases if release), None),
        "containers": containers,
    }


def machine(lab: Lab, group: Group, instance: Instance) -> dict[str, Any]:
    """An instance for `GET /lab/state`: where it runs, as which process, from which release."""
    host = lab.hosts.hosts.get(instance.id)
    serving = host.serving if host else None
    return {
        "group": group.name,
        "instance": instance.id,
        "lifecycle": instance.state,
        "health": instance.health,
        "ec2": host.state if host else None,
        "lost": host.lost if host else False,
        "version": instance.template.version,
        "address": host.interface.address if host else None,
        "zone": instance.zone,
        "pid": lab.processes.pid(host.key) if host else None,
        "port": serving.port if serving else None,
        "image": (serving.image or serving.artifact) if serving else None,
        "release": serving.environment.get("GREENLIGHT_RELEASE") if serving else None,
    }
