# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import pytest

from tests.lab.load.results import Result, Summary, summarise
from tools.demo_parts import show
from tools.demo_parts.playbooks import PlaybookError, Played
from tools.demo_parts.promises import PROMISES
from tools.demo_parts.screen import Screen
from tools.demo_parts.show import Reporter, Show, finish, outcome, report


class FakeTraffic:
    def __init__(self, *results: Result) -> None:
        self._results = results

    def summary(self, since: float = 0.0, until: float = float("inf")) -> Summary:
        return summarise(each for each in self._results if since <= each.scheduled < until)


def result(at: float, **more) -> Result:
    return Result(0, "infer", at, at + 0.1, **more)


def test_outcome_counts_what_was_due_during_the_rollout_and_watches_after_it() -> None:
    traffic = FakeTraffic(
        result(9.0, cause="cut"),
        result(10.0),
        result(11.0, wrong=True),
        result(12.0, cause="cut"),
        result(20.5, wrong=True),
        result(21.0, cause="status 502"),
        result(20.0 + show.AFTERWARDS, cause="cut"),
    )
    played = Played(2, 10.0, 20.0, [{"event": "rollout", "state": "rolled_back", "rollback_verified": True}])
    seen = outcome(PROMISES[2], played, traffic)  # type: ignore[arg-type]
    assert (seen.requests, seen.dropped, seen.wrong_answers, seen.wrong_afterwards) == (3, 2, 1, 1)
    assert (seen.state, seen.rollback_verified, seen.seconds) == ("rolled_back", True, 10.0)
    assert seen.causes == {"cut": 1, "status 502": 1}


def test_a_playbook_without_a_result_is_no_success() -> None:
    seen = outcome(PROMISES[0], Played(4, 10.0, 20.0), FakeTraffic())  # type: ignore[arg-type]
    assert (seen.state, seen.rollback_verified) == ("no result", False)


def test_report_says_who_answers() -> None:
    total = Summary(requests=1234, dropped=1, wrong_answers=2)
    assert report(total, Summary(releases={"29a2dd563eab": 1, "7f5cbb60d40f": 3})) == (
        "1,234 sent, 1 dropped, 2 wrong; 75 % by 7f5cbb, 25 % by 29a2dd"
    )
    assert report(total, Summary()) == "1,234 sent, 1 dropped, 2 wrong"


def test_set_up_runs_bootstrap_and_site_and_finds_the_url(tmp_path: Path) -> None:
    played: list[str] = []

    def play(arguments, *_ignored) -> Played:
        played.append(arguments[-1])
        assert arguments[2:4] == ["-l", "digits"]  # the inventory's other service is not on ECS
        return Played(
            0, events=[{"event": "service", "url": "http://127.20.64.5:8000"}, {"event": "recap", "changed": 3}]
        )

    out = io.StringIO()
    assert Show(Screen(out), tmp_path, play).set_up() == "http://127.20.64.5:8000"
    assert played == ["playbooks/bootstrap.yml", "playbooks/site.yml"]
    assert "site.yml is done, 3 changes" in out.getvalue()


def test_a_failing_set_up_ends_the_demo(tmp_path: Path) -> None:
    with pytest.raises(PlaybookError, match=r"bootstrap.yml failed"):
        Show(Screen(io.StringIO()), tmp_path, lambda *_ignored: Played(2)).set_up()


def test_a_release_is_rolled_out_by_its_digest(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def play(arguments, *_ignored) -> Played:
        seen.append(list(arguments))
        return Played(2, events=[{"event": "rollout", "state": "rolled_back", "reason": "never got healthy"}])

    out = io.StringIO()
    Show(Screen(out), tmp_path, play).release(PROMISES[1], 3)
    assert seen[0][2:5] == ["playbooks/rollout.yml", "-l", "digits"]
    assert seen[0][-1].startswith("serving_image=models.example/digits:never-healthy@sha256:")
    assert "3. A release whose server starts" in out.getvalue()
    assert "rolled_back: never got healthy" in out.getvalue()


def test_finish_writes_the_summary_and_exits_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show.lab, "ROOT", tmp_path)
    out = io.StringIO()
    assert finish(Screen(out), tmp_path / "build", []) == 1
    assert json.loads((tmp_path / "build" / "summary.json").read_text()) == {"ok": False, "rollouts": []}
    assert "Not as promised:\n  good release: did not run" in out.getvalue()
    kept = [
        show.Outcome("good release", "live", 5, 0, 0, 1.0, False),
        show.Outcome("never healthy", "rolled_back", 5, 0, 0, 1.0, True),
        show.Outcome("wrong answers", "rolled_back", 500, 0, 7, 1.0, True),
    ]
    out = io.StringIO()
    assert finish(Screen(out), tmp_path / "build", kept) == 0
    assert json.loads((tmp_path / "build" / "summary.json").read_text())["ok"] is True
    assert "As promised" in out.getvalue()
    assert "Wrong answers that users met: 7." in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_the_load_is_reported_when_something_changes() -> None:
    class Changing(FakeTraffic):
        """The same for three looks, then wrong answers; ends the reporter after five looks."""

        looks = 0

        def summary(self, since: float = 0.0, until: float = float("inf")) -> Summary:
            if since:
                return Summary(releases={"29a2dd563eab": 1})
            self.looks += 1
            if self.looks == 5:
                enough.set()
            return Summary(requests=self.looks, wrong_answers=0 if self.looks < 4 else 7)

    out, enough = io.StringIO(), threading.Event()
    with Reporter(Screen(out), Changing(), every=0.01):  # type: ignore[arg-type]
        assert enough.wait(10)
    said = [line.split("load")[1].strip() for line in out.getvalue().splitlines()]
    assert said[:2] == ["1 sent, 0 dropped, 0 wrong; 100 % by 29a2dd", "4 sent, 0 dropped, 7 wrong; 100 % by 29a2dd"]
    assert len(said) == 2
