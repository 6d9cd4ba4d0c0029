# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""probe as a task of a play: live lines, verdicts, exit, check mode, and secrets at the highest verbosity."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SECRET = "c4n4ry-t0ken-c4n4ry"


class Model(BaseHTTPRequestHandler):
    """Recognises sevens. Its third answer is the first right one; /echo gives back what it was told in secret."""

    asked = 0
    release = "3f9c1d2b7a60"

    def do_GET(self) -> None:
        Model.asked += 1
        body = b'{"digit": 7}'
        if self.path == "/echo":
            body = self.headers["Authorization"].encode()
        self.send_response(503 if self.path == "/slow" and Model.asked < 3 else 200)
        self.send_header("x-greenlight-release", self.release)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Model.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def play(folder: Path, *tasks: dict[str, Any]) -> Path:
    path = folder / "play.yml"
    path.write_text(
        json.dumps(
            [
                {
                    "hosts": "digits",
                    "connection": "local",
                    "gather_facts": False,
                    "vars": {"ansible_python_interpreter": sys.executable},
                    "tasks": [{"name": "gate", "greenlight.serving.probe": task} for task in tasks],
                }
            ]
        )
    )
    return path


def start(playbook: Path, *flags: str) -> subprocess.Popen[str]:
    program = Path(sys.executable).with_name("ansible-playbook")
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_LOG_PATH": str(playbook.parent / "ansible.log"),
        "ANSIBLE_NOCOLOR": "1",
    }
    line = [str(program), "-i", "digits,", *flags, str(playbook)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        line, stdout=pipe, stderr=subprocess.STDOUT, text=True, env={**os.environ, **settings}, cwd=playbook.parent
    )


def gate(url: str, path: str = "/", **options: Any) -> dict[str, Any]:
    probes = [{"name": "seven", "path": path, "expect": {"json": {"digit": 7}}}]
    quick = {"interval": 0.05, "count": 3, "error_limit": 5}
    return {"base_url": url, "probes": probes, "gate": quick, "reach": {"allow_loopback": True}, **options}


def test_a_model_that_comes_up(url: str, tmp_path: Path) -> None:
    """In check mode as well: asking changes nothing."""
    process = start(play(tmp_path, gate(url, "/slow", release=Model.release)), "--check", "-v")
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 0, output
    lines = [line for line in output.splitlines() if line.startswith("[digits] ")]
    assert "probe      inconclusive: seven: expected status 200, got 503" in lines[0]
    assert f"probe      right answer by release {Model.release}" in lines[1]
    assert len(lines) == 2
    assert '"verdict": "pass"' in output
    assert '"identity": "proven"' in output
    assert "changed=0" in output
    assert Model.asked == 5


def test_a_wrong_answer_ends_the_play_and_no_secret_shows(url: str, tmp_path: Path) -> None:
    task = gate(url, "/echo", secret_headers={"Authorization": f"Bearer {SECRET}"})
    task["probes"][0]["expect"] = {"text": "seven"}
    process = start(play(tmp_path, task), "-vvvv", "--diff")
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 2, output
    assert "ended in fail: 1 wrong answer, 0 forgiven: seven: expected text of 5 bytes" in output
    assert "ended in fail" in (tmp_path / "ansible.log").read_text()
    assert SECRET not in output + (tmp_path / "ansible.log").read_text()
    assert Model.asked == 1


def test_nothing_is_sent_when_the_options_are_wrong(url: str, tmp_path: Path) -> None:
    process = start(play(tmp_path, gate(url, reach={}, gate={"count": 0})))
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 2
    assert "base_url: no probe may go there: 127.0.0.1 is a loopback address" in output
    assert "gate.count: a whole number" in output
    assert Model.asked == 0


def test_a_signal_ends_it_in_order(url: str, tmp_path: Path) -> None:
    """One SIGINT to everybody, as a terminal does it: the task says what it knew."""
    endless = {"interval": 0.05, "count": 1_000_000, "deadline": 86400}
    process = start(play(tmp_path, gate(url, gate=endless)))
    deadline = time.monotonic() + 120
    while Model.asked < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert Model.asked >= 2
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=60)
    assert process.poll() is not None
    asked = Model.asked
    time.sleep(0.5)
    assert Model.asked == asked
