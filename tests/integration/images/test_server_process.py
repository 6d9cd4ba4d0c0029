# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images as the lab runs them: a process started by what the registry resolves."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.lab.images import registry
from tests.lab.images.train import MODELS

ADDRESS = "127.99.1.1"  # twin addresses start at 127.144: no lab is here
GOLDEN = json.loads((MODELS / "golden.json").read_text())
Start = Callable[..., "Task"]


class Task:
    def __init__(self, tag: str, **env: str) -> None:
        with socket.create_server((ADDRESS, 0)) as free:
            self.port = free.getsockname()[1]
        image = registry.resolve(registry.reference(tag))
        settings = {"LAB_BIND": ADDRESS, "PORT": str(self.port), "GREENLIGHT_RELEASE": "0123456789ab"}
        self.process = subprocess.Popen(image.argv, env={**image.env, **settings, **env}, cwd="/")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(ADDRESS, self.port, timeout=10)

    def get(self, path: str) -> int:
        connection = self.connect()
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def until(self, path: str, status: int) -> None:
        deadline = time.monotonic() + 20
        while (seen := self.get(path)) != status:
            assert time.monotonic() < deadline, f"{path} still {seen}"
            time.sleep(0.02)

    def post(self, path: str, item: dict) -> http.client.HTTPResponse:
        tensor = {"name": "image", "shape": [1, 64], "datatype": "FP32", "data": item["pixels"]}
        connection = self.connect()
        connection.request("POST", path, json.dumps({"inputs": [tensor]}))
        return connection.getresponse()


@pytest.fixture
def start() -> Iterator[Start]:
    tasks: list[Task] = []

    def begin(tag: str, **env: str) -> Task:
        tasks.append(Task(tag, **env))
        return tasks[-1]

    yield begin
    for task in tasks:
        task.process.kill()
        task.process.wait()


@pytest.mark.parametrize("tag", ["1", "2"])
def test_good_images_pass_every_gate(start: Start, tag: str) -> None:
    task = start(tag)
    task.until("/v2/health/ready", 200)
    for item in GOLDEN:
        answer = task.post("/v2/models/digits/infer", item)
        assert answer.getheader("x-greenlight-release") == "0123456789ab"
        document = json.load(answer)
        outputs = {output["name"]: output["data"] for output in document["outputs"]}
        assert (document["model_version"], outputs["label"]) == (tag, [item["gate"]["label"]])
        assert abs(outputs["confidence"][0] - item["gate"]["confidence"]["value"]) <= item["gate"]["confidence"]["abs"]
        assert outputs["probabilities"] == pytest.approx(item["answers"][tag], abs=1e-5)


def test_sigterm_finishes_a_stream_and_exits_with_0(start: Start) -> None:
    task = start("2", LINGER_SECONDS="0.1")
    task.until("/v2/health/ready", 200)
    answer = task.post("/v2/models/digits/generate_stream?steps=5&seconds=1", GOLDEN[0])
    first = answer.readline()
    task.process.send_signal(signal.SIGTERM)
    rest = answer.read()
    assert json.loads(first.removeprefix(b"data: "))["step"] == 1
    assert json.loads(rest.split(b"data: ")[-1])["done"] is True
    assert task.process.wait(10) == 0


def test_sigterm_cuts_what_exceeds_the_limit_and_says_so_by_its_status(start: Start) -> None:
    task = start("2", LINGER_SECONDS="0", DRAIN_SECONDS="0.2")
    task.until("/v2/health/ready", 200)
    answer = task.post("/v2/models/digits/generate_stream?steps=20&seconds=20", GOLDEN[0])
    task.process.send_signal(signal.SIGTERM)
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        answer.read()
    assert task.process.wait(10) == 1


def test_crash_after_getting_ready(start: Start) -> None:
    task = start("2", FAULT="crash_after:0.5")
    task.until("/v2/health/ready", 200)
    assert task.process.wait(10) == 1


def test_stream_cut_resets_the_connection(start: Start) -> None:
    task = start("stream-cut")
    task.until("/v2/health/ready", 200)
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        task.post("/v2/models/digits/generate_stream?steps=4&seconds=0.2", GOLDEN[0]).read()


def test_unknown_fault_ends_with_a_message(start: Start) -> None:
    task = start("2", FAULT="tired")
    assert task.process.wait(10) == 1
