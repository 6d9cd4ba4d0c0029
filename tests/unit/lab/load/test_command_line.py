# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import socket

import pytest

from tests.lab.load.__main__ import main


def test_refuses_other_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["http://192.0.2.1"]) == 2
    assert "loopback address only" in capsys.readouterr().err


def test_dropped_requests_fail_the_command(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "log"
    arguments = [
        f"http://127.0.0.1:{port}",
        "--requests",
        "5",
        "--rate",
        "500",
        "--log",
        str(log),
        "--header",
        "X-A: b",
    ]
    assert main(arguments) == 1
    assert json.loads(capsys.readouterr().out)["causes"] == {"connect refused": 5}
    assert len(log.read_text().splitlines()) == 5
