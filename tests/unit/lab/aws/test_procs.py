# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process table and its keeper, with real processes: nothing survives."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.lab.aws.ports import ImageNotFound
from tests.lab.aws.procs import ProcessTable, marked

ROOT = Path(__file__).resolve().parents[4]
ADDRESS = "127.20.16.4"
TREE = "sleep 600 & setsid sleep 600 & (setsid sh -c 'sleep 600 & sleep 600' &) ; exec sleep 600"


@dataclass
class Image:
    argv: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)


@dataclass
class Doors:
    calls: list[tuple[object, ...]] = field(default_factory=list)
    refuse: bool = False

    def open(self, address: str, ports: Sequence[int], security_groups: Sequence[str]) -> None:
        if self.refuse:
            raise PermissionError(13, "Permission denied")
        self.calls.append(("open", address, tuple(ports), tuple(security_groups)))

    def close(self, address: str) -> None:
        self.calls.append(("close", address))


def resolve(image: str) -> Image:
    """The image's name is a shell line."""
    if image == "missing":
        raise ImageNotFound("missing: not found")
    return Image(["/bin/sh", "-c", image, "image"], {"FROM_IMAGE": "yes", "BOTH": "image"})


def eventually(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


@pytest.fixture
def table() -> Iterator[ProcessTable]:
    table = ProcessTable(resolve, scale=0.01)
    yield table
    table.close()
    assert marked(table.mark) == set()


def start(table: ProcessTable, line: str, key: str = "t/c", command: Sequence[str] = ()) -> None:
    table.start(key, line, command, {"BOTH": "container"}, ADDRESS, [8080], ["sg-1"])


def ended(table: ProcessTable, key: str = "t/c") -> bool:
    state = table.state(key)
    return state is not None and not state.running


def code(table: ProcessTable, key: str = "t/c") -> int | None:
    eventually(lambda: ended(table, key))
    state = table.state(key)
    assert state is not None
    return state.exit_code


def test_a_process_sees_image_container_and_lab_in_its_environment(table: ProcessTable, tmp_path: Path) -> None:
    start(table, f'echo "$FROM_IMAGE $BOTH $LAB_BIND $OMP_NUM_THREADS $1" > {tmp_path}/out', command=["argument"])
    assert code(table) == 0
    assert (tmp_path / "out").read_text() == "yes container 127.148.16.4 1 argument\n"


def test_nothing_of_the_labs_own_environment_leaks(
    table: ProcessTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    start(table, f"env > {tmp_path}/out")
    assert code(table) == 0
    assert "mine" not in (tmp_path / "out").read_text()


def test_exit_codes_and_signals_are_told_apart(table: ProcessTable) -> None:
    start(table, "exit 3", "a")
    start(table, "kill -9 $$", "b")
    start(table, "sleep 600", "c")
    assert code(table, "a") == 3
    assert code(table, "b") == -9
    assert table.state("c") is not None
    eventually(lambda: table.pid("c"))
    table.signal("c", signal.SIGTERM)
    assert code(table, "c") == -signal.SIGTERM


def test_an_unknown_image_starts_nothing(table: ProcessTable) -> None:
    with pytest.raises(ImageNotFound, match="not found"):
        start(table, "missing")
    assert table.state("t/c") is None


def test_what_cannot_be_executed_ends_with_127() -> None:
    table = ProcessTable(lambda image: Image([image]))
    start(table, "/no/such/program")
    assert code(table) == 127
    table.close()


def test_unknown_keys_are_ignored(table: ProcessTable) -> None:
    assert table.state("x") is None
    assert table.pid("x") is None
    table.signal("x", 9)
    table.check("x", ["CMD", "true"], 1)
    table.forget("x")


def test_a_key_starts_once(table: ProcessTable) -> None:
    start(table, "sleep 600")
    with pytest.raises(ValueError, match="started before"):
        start(table, "sleep 600")


def test_sigterm_reaches_the_first_process_only(table: ProcessTable, tmp_path: Path) -> None:
    child = f"sh -c 'trap \"touch {tmp_path}/child\" TERM; touch {tmp_path}/up; sleep 600 & wait; sleep 600' &"
    start(table, f"{child} trap 'touch {tmp_path}/first; exit 0' TERM; sleep 600 & wait")
    eventually((tmp_path / "up").exists)
    eventually(lambda: table.pid("t/c"))
    table.signal("t/c", signal.SIGTERM)
    assert code(table) == 0
    assert (tmp_path / "first").exists()
    assert not (tmp_path / "child").exists()


def test_the_end_of_the_first_process_takes_its_descendants_along(table: ProcessTable) -> None:
    start(table, TREE)
    eventually(lambda: len(marked(table.mark)) >= 6)  # keeper and the tree
    table.signal("t/c", signal.SIGTERM)
    assert code(table) == -signal.SIGTERM
    eventually(lambda: len(marked(table.mark)) == 1)  # the keeper


def test_forget_kills_and_frees(table: ProcessTable) -> None:
    start(table, TREE)
    eventually(lambda: len(marked(table.mark)) >= 6)
    table.forget("t/c")
    assert table.state("t/c") is None
    eventually(lambda: len(marked(table.mark)) == 1)
    start(table, "exit 0")  # the key is free again
    assert code(table) == 0


LAB = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.lab.aws.procs import ProcessTable
from tests.unit.lab.aws.test_procs import resolve, TREE
import time
table = ProcessTable(resolve, mark=sys.argv[1])
table.start("t/c", TREE, [], {{}}, "127.20.16.4", [], [])
table.start("u/c", "trap '' TERM HUP INT; while :; do sleep 600; done", [], {{}}, "127.20.16.5", [], [])
time.sleep(600)
"""


def keeper_of(mark: str) -> int:
    return next(pid for pid in marked(mark) if b"keeper.py" in Path(f"/proc/{pid}/cmdline").read_bytes())


def test_nothing_survives_a_sigkill_of_the_lab() -> None:
    mark = secrets.token_hex(8)
    lab = subprocess.Popen([sys.executable, "-c", LAB, mark])
    try:
        eventually(lambda: len(marked(mark)) >= 8)
        lab.kill()
        eventually(lambda: not marked(mark))
    finally:
        lab.kill()
        lab.wait()
        for pid in marked(mark):
            os.kill(pid, signal.SIGKILL)


def test_nothing_survives_a_sigkill_of_the_keeper() -> None:
    table = ProcessTable(resolve)
    start(table, TREE)
    eventually(lambda: len(marked(table.mark)) >= 6)
    os.kill(keeper_of(table.mark), signal.SIGKILL)
    assert code(table) == -9
    assert marked(table.mark) == set()
    table.close()


def test_an_orphan_of_a_living_task_lives_on(table: ProcessTable) -> None:
    start(table, TREE, "a")
    start(table, "exit 0", "b")
    eventually(lambda: len(marked(table.mark)) >= 6)
    before = marked(table.mark)
    assert code(table, "b") == 0
    start(table, "exit 0", "c")
    assert code(table, "c") == 0
    assert marked(table.mark) >= before


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["CMD", "/bin/sh", "-c", "exit 4"], 4),
        (["CMD-SHELL", "exit 5"], 5),
        (["/bin/sh", "-c", "exit 6"], 6),
        (["CMD-SHELL", "test localhost = 127.148.16.4 && test 127.0.0.1 = $LAB_BIND"], 0),
    ],
)
def test_health_checks(table: ProcessTable, command: list[str], expected: int) -> None:
    start(table, "sleep 600")
    assert table.check_result("t/c") is None
    table.check("t/c", command, 5)
    eventually(lambda: table.check_result("t/c") is not None)
    assert table.check_result("t/c") == expected


def test_a_health_check_that_takes_too_long_is_killed_and_fails(
    table: ProcessTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.lab.aws.procs.CHECK_FLOOR", 0.1)
    start(table, "sleep 600")
    table.check("t/c", ["CMD", "sleep", "600"], 5)
    eventually(lambda: table.check_result("t/c") is not None)
    assert table.check_result("t/c") == -9


def test_one_health_check_at_a_time(table: ProcessTable, tmp_path: Path) -> None:
    start(table, "sleep 600")
    line = f"echo x >> {tmp_path}/checks; while ! test -e {tmp_path}/go; do sleep 0.01; done"
    for _ignored in range(3):
        table.check("t/c", ["CMD-SHELL", line], 500)
    eventually((tmp_path / "checks").exists)
    (tmp_path / "go").touch()
    eventually(lambda: table.check_result("t/c") is not None)
    assert (tmp_path / "checks").read_text() == "x\n"
    table.check("t/c", ["CMD-SHELL", "exit 7"], 500)
    eventually(lambda: table.check_result("t/c") == 7)


def test_doors_open_before_the_process_and_close_with_it() -> None:
    doors = Doors()
    table = ProcessTable(resolve, doors)
    start(table, "sleep 600")
    assert doors.calls == [("open", ADDRESS, (8080,), ("sg-1",))]
    table.forget("t/c")
    assert doors.calls[1:] == [("close", ADDRESS)]
    table.close()


def test_an_interface_that_cannot_listen_starts_nothing() -> None:
    table = ProcessTable(resolve, Doors(refuse=True))
    with pytest.raises(PermissionError):
        start(table, "sleep 600")
    assert table.state("t/c") is None
    table.close()
