# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe asks and what its answer must be: read from plain data, with everything that is wrong at once.

The data is what the options of `_glue/argspec_common.py` hold: see the documentation of greenlight.serving.probe.
Standard library only, Python 3.9.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from .._engine.finding import Finding
from .._engine.verdict import Gate
from .address import LONGEST_URL
from .golden import Check, Json, Near, Status, Text, parse_path
from .reader import Reader, is_finite, is_whole, shown
from .transport import BODY_LIMIT, Request

FIELDS = (
    *("name", "path", "method", "headers", "secret_headers", "body", "body_json"),
    *("expect", "timeout", "latency_budget", "over_budget", "max_body"),
)
METHODS = ("GET", "HEAD", "POST")
ERRORS = "consecutive_error_limit"  # of a gate, as Argo Rollouts calls it; error_limit is its alias
POLICIES = ("roll_back", "pause")  # of an inconclusive gate
OVER_BUDGET = ("inconclusive", "fail")
LONGEST_TIMEOUT = 600.0  # seconds
LARGEST_BODY = 16 * 1024 * 1024
DAY = 86400.0
_TARGET = re.compile(r"/(?!/)[\x21\x22\x24-\x7e]*")  # printable ASCII, no fragment, nothing like //host
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 5.6.2
_FRAMING = ("connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "expect")


@dataclass(frozen=True)
class ProbeSpec:
    """One request with a check."""

    name: str
    request: Request
    checks: Tuple[Check, ...]
    latency_budget: Optional[float] = None  # seconds, from the first byte sent to the last one read
    over_budget: str = "inconclusive"  # what a right answer is that came later than that
    secrets: Tuple[str, ...] = ()  # header values that no output may show


def parse_specs(given: object, field: str = "probes") -> Tuple[Tuple[ProbeSpec, ...], List[Finding]]:
    """The probes in their order, and everything that is wrong with them. A wrong one is left out."""
    findings: List[Finding] = []
    if not isinstance(given, (list, tuple)):
        return (), [Finding(field, shown(given), "a list of probes is wanted", "Begin each probe with a dash.")]
    specs, names = [], set()
    for number, item in enumerate(given):
        where = f"{field}[{number}]"
        before = len(findings)
        read = Reader(item, where, FIELDS, findings)
        if not read.usable:
            continue
        spec = _spec(read, number)
        if spec.name in names:
            findings.append(Finding(f"{where}.name", shown(spec.name), "names are unique", "Give it another name."))
        names.add(spec.name)
        if len(findings) == before:
            specs.append(spec)
    return tuple(specs), findings


def parse_gate(given: object, probes: int = 1, field: str = "gate") -> Tuple[Gate, List[Finding]]:
    """The gate for rounds of so many probes, and everything that is wrong with it."""
    findings: List[Finding] = []
    plain = Gate()
    read = Reader(given, field, (ERRORS, *Gate.__dataclass_fields__), findings)
    errors = ERRORS if read.has(ERRORS) else "error_limit"
    if read.has(ERRORS) and read.raw("error_limit", read.raw(ERRORS)) != read.raw(ERRORS):
        read.wrong("error_limit", shown(read.raw("error_limit")), f"another name of {ERRORS}", "Leave it out.")
    gate = Gate(
        interval=read.number("interval", plain.interval, 0.05, DAY),
        count=read.whole("count", plain.count, 1, 1_000_000),
        failure_limit=read.whole("failure_limit", plain.failure_limit, 0, 1_000_000),
        error_limit=read.whole(errors, plain.error_limit, 0, 1_000_000),
        initial_delay=read.number("initial_delay", plain.initial_delay, 0.0, DAY),
        deadline=read.number("deadline", plain.deadline, 0.1, 30 * DAY),
        consecutive_success_limit=read.whole("consecutive_success_limit", 0, 0, 1_000_000),
        dry_run=read.flag("dry_run", plain.dry_run),
        inconclusive=read.choice("inconclusive", plain.inconclusive, POLICIES),
    )
    rounds = -(-max(gate.count, gate.run) // max(1, probes))
    needed = gate.initial_delay + (rounds - 1) * gate.interval
    if not findings and needed >= gate.deadline:
        problem = f"longer than the {needed:g} s that {max(gate.count, gate.run)} passes take at best"
        read.wrong("deadline", f"{gate.deadline:g}", problem, "Raise deadline, or lower count or interval.")
    return gate, findings


def parse_headers(given: Mapping[str, Any]) -> Tuple[Tuple[Tuple[str, str], ...], List[Finding]]:
    """The `headers` and `secret_headers` that go with every probe, and everything that is wrong with them."""
    findings: List[Finding] = []
    fields = {field: given.get(field) for field in ("headers", "secret_headers")}
    read = Reader(fields, "", tuple(fields), findings)
    return (*_headers(read, "headers", False), *_headers(read, "secret_headers", True)), findings


def _spec(read: Reader, number: int) -> ProbeSpec:
    name = read.text(
        "name", f"probe {number + 1}", "1 to 64 printable characters", _is_name, "Name it after what it proves."
    )
    secret = _headers(read, "secret_headers", True)
    body, kind = _body(read)
    method = read.choice("method", "POST" if body is not None else "GET", METHODS)
    if body is not None and method != "POST":
        read.wrong("method", method, "only a POST has a body", "Use POST, or leave the body out.")
    headers = [*_headers(read, "headers", False), *secret]
    if kind and not any(name.lower() == "content-type" for name, _value in headers):
        headers.append(("Content-Type", kind))
    timeout = read.number("timeout", 5.0, 0.05, LONGEST_TIMEOUT)
    budget = read.optional("latency_budget", 0.001, timeout)
    request = Request(
        target=read.text(
            "path",
            None,
            f"a path that begins with a slash: at most {LONGEST_URL} printable ASCII characters, no fragment",
            lambda path: len(path) <= LONGEST_URL and bool(_TARGET.fullmatch(path)),
            "For example /v2/health/ready; write other characters in percent-encoding.",
        ),
        method=method,
        headers=tuple(headers),
        body=body,
        timeout=timeout,
        max_body=read.whole("max_body", BODY_LIMIT, 1, LARGEST_BODY),
    )
    over = read.choice("over_budget", OVER_BUDGET[0], OVER_BUDGET)
    checks = _checks(read, method)
    return ProbeSpec(name, request, checks, budget, over, tuple(value for _name, value in secret))


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 64 and name.isprintable() and bool(name.strip())


def _body(read: Reader) -> Tuple[Optional[bytes], str]:
    """The body and its content type; None = no body."""
    if read.has("body") and read.has("body_json"):
        read.wrong("body", "body and body_json", "one of the two", "Leave one of them out.")
    if read.has("body_json"):
        try:
            return json.dumps(read.raw("body_json"), allow_nan=False).encode(), "application/json"
        except (TypeError, ValueError, RecursionError) as error:
            read.wrong("body_json", shown(read.raw("body_json")), f"what JSON can hold: {error}", "Mend that value.")
    if not read.has("body"):
        return None, ""
    return read.text("body", "", "text", lambda _text: True, "Use body_json for data.").encode(), ""


def _headers(read: Reader, field: str, secret: bool) -> List[Tuple[str, str]]:
    given = read.raw(field, {})
    if not isinstance(given, Mapping):
        read.wrong(field, "(hidden)" if secret else shown(given), "a mapping of names to values", "Write name: value.")
        return []
    for name, value in given.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name) or name.lower() in _FRAMING:
            problem = "a header's name; those that frame a message are set by the probe itself"
            read.wrong(field, shown(name), problem, "Mend or remove it.")
        elif not _is_value(value):
            problem = "a number or text of printable Latin-1 characters, without blanks around it"
            read.wrong(f"{field}.{name}", "(hidden)" if secret else shown(value), problem, "Mend the value.")
    return [(str(name), str(value)) for name, value in given.items()]


def _is_value(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return False
    text = str(value)
    return bool(re.fullmatch(r"[\x20-\x7e\xa0-\xff]*", text)) and text == text.strip()


def _checks(read: Reader, method: str) -> Tuple[Check, ...]:
    expect = read.inside("expect", tuple(KINDS))
    checks = []
    for kind, reader in KINDS.items():
        if expect.has(kind) or kind == "status":
            check = reader(expect, kind)
            if check is not None:
                checks.append(check)
    if method == "HEAD" and len(checks) > 1:
        read.wrong("expect", "HEAD", "an answer to HEAD has no body to check", "Use GET.")
    return tuple(checks)


def _status(read: Reader, field: str) -> Optional[Check]:
    given = read.raw(field, [200])
    wanted = given if isinstance(given, (list, tuple)) else [given]
    good = [status for status in wanted if is_whole(status) and 100 <= status <= 599]
    if good and len(good) == len(wanted):
        return Status(tuple(good))
    read.wrong(field, shown(given), "a list of HTTP statuses from 100 to 599", "For example status: [200].")
    return None


def _text(read: Reader, field: str) -> Optional[Check]:
    return Text(read.text(field, "", "the exact text", lambda _text: True, "Put it in quotation marks."))


def _json(read: Reader, field: str) -> Optional[Check]:
    return Json(read.raw(field))


def _numeric(read: Reader, field: str) -> Optional[Check]:
    inner = read.inside(field, ("path", "value", "abs", "rel"))
    if not inner.usable:
        return None
    allowed, mend = "a path to a number or to a list of these", "For example outputs[0].data[3]."
    path = inner.text("path", None, allowed, lambda path: parse_path(path) is not None, mend)
    value = inner.raw("value")
    if not _are_finite(value):
        mend = "Write numbers without quotation marks."
        inner.wrong("value", shown(value), "a finite number, or a list of these", mend)
    return Near(parse_path(path) or (), value, *(inner.number(name, 0.0, 0.0, 1e300, "") for name in ("abs", "rel")))


def _are_finite(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(_are_finite, value))
    return is_finite(value)


# Kinds of expectation in the order in which they are looked at: what is cheap and says most first.
KINDS: Dict[str, Callable[[Reader, str], Optional[Check]]] = {
    "status": _status,
    "text": _text,
    "json": _json,
    "numeric": _numeric,
}
