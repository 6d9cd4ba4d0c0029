# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generator against servers that fail in every way it must detect."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.lab.load import golden
from tests.lab.load.generator import BackgroundLoad, Generator, Load, host_and_port, takes
from tests.lab.load.results import Result, summarise

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LABELS = {question.body: question.label for question in golden.questions()}


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """(request line, body)."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    return head.split(b"\r\n")[0], await reader.readexactly(size)


def document(body: bytes, label: int, release: str = "r1") -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nx-greenlight-release: %s\r\ncontent-length: %d\r\n\r\n"
        % (
            release.encode(),
            len(body := json.dumps({"outputs": [{"name": "label", "data": [label]}]}).encode()),
        )
        + body
    )


def events(*values: dict) -> bytes:
    text = b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(text), text)


async def good(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError):
        while True:
            line, body = await read_request(reader)
            label = LABELS[body]
            if b"generate_stream" in line:
                writer.write(events({"done": True, "label": label}) + b"0\r\n\r\n")
            else:
                writer.write(document(body, label))
    writer.close()


def answering(make: Callable[[bytes], bytes], end: str = "serve") -> Handler:
    """Answer with make(body); then close or reset the connection, hold it silently, or serve the next request."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                writer.write(make((await read_request(reader))[1]))
                await writer.drain()
                if end == "hold":
                    await reader.read()
                if end == "reset":
                    linger = struct.pack("ii", 1, 0)  # close() sends RST, not FIN
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                if end != "serve":
                    break
        writer.close()

    return handle


def half(body: bytes) -> bytes:
    return document(body, 0)[:-5]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await reader.read()
    writer.close()


def send(handler: Handler, **changes: object) -> list[Result]:
    """The results of a short load on a server that runs `handler` per connection."""

    async def main() -> list[Result]:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        settings = {"rate": 200.0, "requests": 10, "stream_share": 0.0, "timeout": 5.0, "stream_seconds": 0.1} | changes
        load = Load(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", **settings)  # type: ignore[arg-type]
        results: list[Result] = []
        async with server:
            await Generator(load, results.append).run()
        return results

    return asyncio.run(main())


def test_good_server() -> None:
    results = send(good, requests=100, stream_share=0.1, fresh_share=0.3)
    summary = summarise(results)
    assert (summary.requests, summary.streams, summary.dropped, summary.wrong_answers) == (100, 10, 0, 0)
    assert summary.releases == {"r1": 90, "": 10}
    assert sorted(result.number for result in results) == list(range(100))
    assert sum(not result.reused for result in results) >= 30
    assert any(result.reused for result in results)


def test_without_fresh_connections_one_is_enough_when_answers_are_quick() -> None:
    assert sum(not result.reused for result in send(good, rate=20.0, fresh_share=0.0)) == 1


@pytest.mark.parametrize(
    ("handler", "cause"),
    [
        (answering(lambda _ignored: b"", "close"), "closed"),
        (answering(lambda _ignored: b"", "reset"), "reset"),
        (answering(half, "close"), "cut"),
        (answering(half, "reset"), "cut"),
        (answering(lambda _ignored: b"HTTP/1.1 200 O", "close"), "closed"),
        (answering(lambda _ignored: b"nonsense\r\n\r\n", "hold"), "malformed"),
        (answering(lambda _ignored: b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"), "malformed"),
        (answering(lambda _ignored: b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"), "status 503"),
    ],
)
def test_each_failure_is_recorded_with_its_cause(handler: Handler, cause: str) -> None:
    results = send(handler)
    assert [result.cause for result in results] == [cause] * 10
    assert summarise(results).dropped == 10


def test_no_answer_in_time() -> None:
    assert {result.cause for result in send(silent, timeout=0.2, requests=3)} == {"timeout"}


def test_half_an_answer_then_silence_is_a_timeout() -> None:
    handler = answering(half, "hold")
    assert {result.cause for result in send(handler, timeout=0.2, requests=3)} == {"timeout"}


@pytest.mark.parametrize(
    "answer",
    [
        events({"done": False, "label": 1}) + b"0\r\n\r\n",  # ends properly as HTTP, but not as a stream
        events({"done": False, "label": 1}),
        events({"done": True, "label": 1}),  # complete for its reader, but the end is missing
    ],
)
def test_cut_stream(answer: bytes) -> None:
    results = send(answering(lambda _ignored: answer, "close"), stream_share=1.0)
    assert [(result.kind, result.cause) for result in results] == [("stream", "cut")] * 10
    assert summarise(results).cut_streams == 10


def test_wrong_answers_are_counted_apart_from_dropped_requests() -> None:
    wrong = answering(lambda body: document(body, (LABELS[body] + 1) % 10))
    summary = summarise(send(wrong))
    assert (summary.dropped, summary.wrong_answers) == (0, 10)


def test_wrong_stream() -> None:
    wrong = answering(lambda _ignored: events({"done": True, "label": 10}) + b"0\r\n\r\n")
    summary = summarise(send(wrong, stream_share=1.0))
    assert (summary.dropped, summary.wrong_answers) == (0, 10)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    results: list[Result] = []
    asyncio.run(Generator(Load(f"http://127.0.0.1:{port}", requests=3), results.append).run())
    assert [result.cause for result in results] == ["connect refused"] * 3


def test_no_connection_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first:
        first.connect(full.getsockname())  # the only place in the queue is taken, the next SYN is dropped
        results: list[Result] = []
        load = Load(f"http://127.0.0.1:{full.getsockname()[1]}", requests=2, timeout=0.3)
        asyncio.run(Generator(load, results.append).run())
    assert {result.cause for result in results} == {"connect timeout"}


def test_latency_counts_from_the_schedule() -> None:
    """A stalled event loop (as a busy machine) must show in every request it delayed."""

    async def stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        time.sleep(0.3)  # blocks generator and server alike
        await good(reader, writer)

    results = send(stalling, rate=100.0, requests=5, fresh_share=0.0)
    first = min(results, key=lambda result: result.scheduled)
    assert [round(result.scheduled - first.scheduled, 6) for result in sorted(results, key=lambda r: r.number)] == [
        pytest.approx(number / 100, abs=1e-5) for number in range(5)
    ]
    assert max(result.latency for result in results if result.number) > 0.25


def test_own_limit_is_recorded_not_hidden() -> None:
    causes = [result.cause for result in send(silent, in_flight=4, timeout=1.0)]
    assert (causes.count("not sent"), causes.count("timeout")) == (6, 4)


def test_idle_connections_are_not_reused_when_old_or_closed_by_the_server() -> None:
    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _ignored, body = await read_request(reader)
        writer.write(document(body, LABELS[body]))  # keep-alive, but closed right after
        writer.close()

    assert not any(result.cause for result in send(one_answer, rate=20.0, requests=5, fresh_share=0.0))
    assert not any(result.reused for result in send(good, rate=20.0, requests=4, fresh_share=0.0, reuse_within=0.0))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "http://10.0.0.1:80",
        "http://127.0.0.1.example.org",
        "https://127.0.0.1",
        "127.0.0.1:80",
        "",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="loopback address only"):
        Load(url)


def test_loopback_urls() -> None:
    assert host_and_port("http://127.20.64.5:8000") == ("127.20.64.5", 8000)
    assert host_and_port("http://localhost/") == ("127.0.0.1", 80)


@pytest.mark.parametrize("changes", [{"rate": 0.0}, {"rate": 1e9}, {"seconds": 1e6}, {"requests": 0}])
def test_bounds(changes: dict) -> None:
    with pytest.raises(ValueError, match="must be in"):
        Load("http://127.0.0.1", **changes)


def test_shares_are_spread_evenly() -> None:
    chosen = [number for number in range(500) if takes(number, 0.02)]
    assert len(chosen) == 10
    assert {after - before for before, after in itertools.pairwise(chosen)} == {50}


def test_in_the_background_with_a_log(tmp_path) -> None:
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(good, "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    log = tmp_path / "deep" / "load.jsonl"
    running = BackgroundLoad(Load(f"http://127.0.0.1:{port}", rate=100.0, seconds=60.0), log)

    async def until_some() -> float:
        async with asyncio.timeout(20):
            while len(running.results()) < 20:
                await asyncio.sleep(0.01)
        return time.time()

    with running:
        middle = loop.run_until_complete(until_some())
        early = running.summary(until=middle)

        async def stop() -> None:
            await asyncio.to_thread(running.stop)

        loop.run_until_complete(asyncio.wait_for(stop(), 20))
    loop.run_until_complete(asyncio.sleep(0))
    server.close()
    loop.close()
    total = running.summary()
    assert total.requests >= early.requests >= 20
    assert (total.dropped, total.wrong_answers) == (0, 0)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == total.requests
    assert {"number", "kind", "scheduled", "ended", "cause", "release", "latency"} <= set(lines[0])
