# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fnmatch
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.aws.core import chance
from tests.lab.aws.engine.rules import (
    DEFAULT,
    Condition,
    Fixed,
    Forward,
    Redirect,
    Request,
    Rule,
    choose,
    holds,
    matches,
    ordered,
    select,
)

WEIGHTS = st.lists(st.integers(0, 999), min_size=1, max_size=5)
DRAWS = st.floats(0, 1, exclude_max=True)


@given(WEIGHTS, DRAWS)
def test_a_group_without_weight_is_never_chosen(weights: list[int], draw: float) -> None:
    forward = Forward(tuple((f"group-{n}", weight) for n, weight in enumerate(weights)))
    chosen = choose(forward, draw)

    if any(weights):
        assert dict(forward.groups)[chosen or ""] > 0
    else:
        assert chosen is None


@given(WEIGHTS.filter(any))
def test_every_group_gets_the_share_of_its_weight(weights: list[int]) -> None:
    forward = Forward(tuple((str(n), weight) for n, weight in enumerate(weights)))
    slots = 1000
    found = Counter(choose(forward, (slot + 0.5) / slots) for slot in range(slots))

    for group, weight in forward.groups:
        assert abs(found[group] - slots * weight / sum(weights)) <= 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ninety_to_ten_is_met_by_draws_of_any_seed(seed: int) -> None:
    forward = Forward((("blue", 90), ("green", 10)))
    found = Counter(choose(forward, chance(seed, "alb", "listener", n)) for n in range(5000))

    assert 400 <= found["green"] <= 600  # 500 expected, standard deviation 21


@given(st.text("ab/*?.", max_size=8), st.text("ab/*?.", max_size=8))
def test_wildcards_match_as_shell_patterns_do(pattern: str, text: str) -> None:
    assert matches(pattern, text, False) == fnmatch.fnmatchcase(text, pattern)


@given(st.text(max_size=12))
def test_a_text_with_its_wildcards_escaped_matches_itself_only(text: str) -> None:
    escaped = re.sub(r"([*?\\])", r"\\\1", text)

    assert matches(escaped, text, False)
    assert not matches(escaped, text + "x", False)


def request(**given: object) -> Request:
    return Request(**({"method": "GET", "path": "/"} | given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("condition", "given", "held"),
    [
        (Condition("path-pattern", ("/v2/*",)), {"path": "/v2/models"}, True),
        (Condition("path-pattern", ("/v2/*",)), {"path": "/V2/models"}, False),
        (Condition("path-pattern", ("/*b=c",)), {"path": "/a", "query": "b=c"}, False),
        (Condition("path-pattern", ("/img?",)), {"path": "/img1"}, True),
        (Condition("path-pattern", ("/img?",)), {"path": "/img"}, False),
        (Condition("path-pattern", ("/x", "/y")), {"path": "/y"}, True),
        (Condition("path-pattern", expressions=("^/v[0-9]+/",)), {"path": "/v12/models"}, True),
        (Condition("path-pattern", expressions=("^/v[0-9]+/",)), {"path": "/vx/models"}, False),
        (Condition("host-header", ("*.example.com",)), {"host": "API.Example.com"}, True),
        (Condition("host-header", ("*.example.com",)), {"host": "example.com"}, False),
        (Condition("http-header", ("Secret",), "X-Proof"), {"headers": (("x-proof", "secret"),)}, True),
        (Condition("http-header", ("secret",), "X-Proof"), {"headers": (("x-other", "secret"),)}, False),
        (Condition("http-header", ("b",), "a"), {"headers": (("a", "x"), ("a", "b"))}, True),
        (Condition("http-request-method", ("GET", "HEAD")), {"method": "HEAD"}, True),
        (Condition("http-request-method", ("GET",)), {"method": "get"}, False),
        (Condition("query-string", pairs=(("version", "v1"),)), {"query": "a=b&Version=V1"}, True),
        (Condition("query-string", pairs=(("version", "v1"),)), {"query": "other=v1"}, False),
        (Condition("query-string", pairs=(("", "*exa*"),)), {"query": "a=an%20example"}, True),
        (Condition("query-string", pairs=(("", r"\*exa\*"),)), {"query": "a=example"}, False),
        (Condition("query-string", pairs=(("", "*"),)), {"query": ""}, False),
        (Condition("source-ip", ("10.0.0.0/8", "127.0.0.1/32")), {"source": "127.0.0.1"}, True),
        (Condition("source-ip", ("10.0.0.0/8",)), {"source": "127.0.0.1"}, False),
    ],
)
def test_conditions(condition: Condition, given: dict[str, object], held: bool) -> None:
    assert holds(condition, request(**given)) is held


def test_an_unknown_condition_field_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown condition field 'moon-phase'"):
        holds(Condition("moon-phase"), request())


@given(st.permutations([1, 5, 10, 50000, DEFAULT]))
def test_rules_are_tried_by_priority_and_all_their_conditions_must_hold(priorities: list[int]) -> None:
    every, get = Condition("path-pattern", ("/*",)), Condition("http-request-method", ("GET",))
    post = Condition("http-request-method", ("POST",))
    conditions = {1: (every, post), 5: (every, get), 10: (every,), 50000: (), DEFAULT: ()}
    rules = ordered(Rule(str(one), one, Fixed(200), conditions[one]) for one in priorities)

    assert select(rules, request()).priority == 5
    assert select(rules, request(method="PUT")).priority == 10


@pytest.mark.parametrize(
    ("redirect", "location"),
    [
        (Redirect(301, protocol="HTTPS", port="443"), "https://example.com:443/a/b?c=d"),
        (Redirect(302, host="new.#{host}", path="/#{path}/x", query=""), "http://new.example.com:8000/a/b/x"),
        (Redirect(302, path="/fixed", query="was=#{path}"), "http://example.com:8000/fixed?was=a/b"),
    ],
)
def test_redirects_fill_in_the_parts_of_the_request(redirect: Redirect, location: str) -> None:
    assert redirect.location(request(path="/a/b", query="c=d", host="example.com"), "HTTP", 8000) == location
