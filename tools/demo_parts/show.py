# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's story: a lab, a service, load on it, and three releases of which two are bad."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.lab.images.registry import reference
from tests.lab.load.generator import BackgroundLoad, Load
from tests.lab.load.results import Summary

from . import lab, playbooks
from .playbooks import Played
from .promises import PROMISES, Outcome, Promise, all_broken, summary, table
from .screen import Screen

INVENTORY = ["-i", "inventories/local"]
RATE = 25.0  # requests per second: a demonstration, not a benchmark, also on a slow machine
STREAM_SECONDS = 2.0  # shorter than the deregistration delay of inventories/local, in real seconds
REPORT_EVERY = 5.0  # seconds between two looks at the load
QUIET = 20.0  # seconds between lines about it while nothing changes
AFTERWARDS = STREAM_SECONDS + 1.0  # watched after each rollout: streams end, and nothing may be wrong any more
INTRO = (
    "An embedded AWS on this machine serves a real model (handwritten digits) on ECS Fargate behind an Application "
    "Load Balancer. Requests and streams run all the time while three releases are rolled out: one good, two bad. "
    "Each line below says when and who acts: ECS moves, greenlight judges, load is what users see."
)


@dataclass(frozen=True)
class Show:
    """`build`: where logs and summary.json go; `play`: runs ansible-playbook (playbooks.play)."""

    screen: Screen
    build: Path
    play: Callable[..., Played] = playbooks.play

    def run(self) -> list[Outcome]:
        """All of it, in a lab of its own. Raises LabError, PlaybookError."""
        self.screen.lines("greenlight.serving: the demo")
        self.screen.paragraph(INTRO)
        self.screen.paragraph("1. A cloud, and release 1 of the model in it.")
        with lab.running(self.build / "lab.log"):
            self.screen.say("lab", "the embedded AWS is up: load balancers, ECS, tasks as local processes")
            url = self.set_up()
            return self.roll_out(url)

    def set_up(self) -> str:
        """bootstrap.yml and site.yml; returns the service's URL."""
        self.playbook("bootstrap.yml", "makes the bucket that keeps the record of releases")
        site = self.playbook("site.yml", "makes load balancer, security groups, roles, cluster, service")
        made = site.last("recap").get("changed", 0)
        self.screen.say("greenlight", f"site.yml is done, {made} changes: release 1 is live")
        return str(site.last("service")["url"])

    def playbook(self, name: str, what: str) -> Played:
        self.screen.say("greenlight", f"{name}: {what}")
        log = self.build / f"{name.removesuffix('.yml')}.log"
        return playbooks.must(self.play([*INVENTORY, "-l", "digits", f"playbooks/{name}"], log, self.screen), name, log)

    def roll_out(self, url: str) -> list[Outcome]:
        """The three rollouts under load; figures are taken when the last stream has ended."""
        load = Load(
            url, RATE, seconds=900.0, requests=45_000, stream_steps=8, stream_seconds=STREAM_SECONDS, fresh_share=0.2
        )
        self.screen.say("load", f"{RATE:.0f} requests/s from now on, 1 of 50 a stream of {STREAM_SECONDS:.0f} s")
        played: list[tuple[Promise, Played]] = []
        with BackgroundLoad(load, self.build / "requests.jsonl") as traffic, Reporter(self.screen, traffic):
            for number, promise in enumerate(PROMISES, 2):
                played.append((promise, self.release(promise, number)))
            time.sleep(AFTERWARDS)  # the ones before have had the start of the next playbook
        return [outcome(promise, each, traffic) for promise, each in played]

    def release(self, promise: Promise, number: int) -> Played:
        """One rollout.yml; a bad release makes it fail, which is what it is for."""
        self.screen.paragraph(f"{number}. {promise.story}")
        image = reference(promise.image)
        self.screen.say("greenlight", f"rollout.yml -e serving_image={image.partition('@')[0]}@sha256:...")
        log = self.build / f"rollout-{promise.step.replace(' ', '-')}.log"
        extra = ["-l", "digits", "-e", f"serving_image={image}"]
        played = self.play([*INVENTORY, "playbooks/rollout.yml", *extra], log, self.screen)
        ended = played.last("rollout")
        self.screen.say("greenlight", f"{ended.get('state', 'no result')}: {ended.get('reason', f'see {log}')}")
        return played


def outcome(promise: Promise, played: Played, traffic: BackgroundLoad) -> Outcome:
    """What a rollout came to: its result, and the requests that were due while it ran."""
    ended = played.last("rollout")
    during = traffic.summary(played.since, played.until)
    after = traffic.summary(played.until, played.until + AFTERWARDS)
    return Outcome(
        step=promise.step,
        state=str(ended.get("state", "no result")),
        requests=during.requests,
        dropped=during.dropped + after.dropped,
        wrong_answers=during.wrong_answers,
        seconds=played.until - played.since,
        rollback_verified=ended.get("rollback_verified") is True,
        wrong_afterwards=after.wrong_answers,
        causes={
            name: during.causes.get(name, 0) + after.causes.get(name, 0) for name in {*during.causes, *after.causes}
        },
    )


def finish(screen: Screen, build: Path, outcomes: list[Outcome]) -> int:
    """Table, summary.json and the verdict; returns the exit code."""
    screen.lines("", *table(outcomes), "")
    build.mkdir(parents=True, exist_ok=True)
    (build / "summary.json").write_text(json.dumps(summary(outcomes), indent=1) + "\n")
    faults = all_broken(outcomes)
    if faults:
        screen.lines("Not as promised:", *(f"  {fault}" for fault in faults))
    else:
        met = sum(each.wrong_answers for each in outcomes)
        screen.lines("As promised: no request dropped, the good release live, both bad taken back.")
        screen.lines(f"Wrong answers that users met: {met:,}. Under the strategy `canary` a release is judged")
        screen.lines("where no user is, then with 10 % of the traffic, then with all of it.")
    screen.lines(f"Logs and figures: {relative(build)}")
    return 1 if faults else 0


def relative(path: Path) -> Path:
    return path.relative_to(lab.ROOT) if path.is_relative_to(lab.ROOT) else path


class Reporter:
    """A line about the load every few seconds, from a thread of its own."""

    def __init__(self, screen: Screen, traffic: BackgroundLoad, every: float = REPORT_EVERY) -> None:
        self._screen = screen
        self._traffic = traffic
        self._every = every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def __enter__(self) -> Reporter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        since, said_at, said = time.time(), 0.0, ""
        while not self._done.wait(self._every):
            until = time.time()
            total, lately = self._traffic.summary(), self._traffic.summary(since, until)
            state = f"{total.dropped} {total.wrong_answers} {sorted(lately.releases)}"
            if state != said or until - said_at >= QUIET:
                self._screen.say("load", report(total, lately))
                said_at, said = until, state
            since = until


def report(total: Summary, lately: Summary) -> str:
    """Totals, and who has answered lately (the first digits of the release's id)."""
    answered = sum(lately.releases.values()) or 1
    shares = sorted(lately.releases.items(), key=lambda item: -item[1])
    who = ", ".join(f"{100 * count / answered:.0f} % by {release[:6] or 'nobody'}" for release, count in shares)
    text = f"{total.requests:,} sent, {total.dropped:,} dropped, {total.wrong_answers:,} wrong"
    return f"{text}; {who}" if who else text
