# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base URLs, and which addresses a probe may connect to."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._probes.address import Base, forbidden, parse_base


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "192.0.2.1", "100.64.0.1", "8.8.8.8", "2001:db8::1", "fd12::1", "::ffff:10.0.0.1"]
)
def test_public_and_private_addresses_are_free(address: str) -> None:
    assert forbidden(address, allow_loopback=False) == ""


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_every_disguise(address: ipaddress.IPv4Address) -> None:
    plain = forbidden(str(address), allow_loopback=False)
    assert forbidden(f"::ffff:{address}", allow_loopback=False) == plain
    carriers = (
        ipaddress.IPv6Address((0x64FF9B << 96) + int(address)),
        ipaddress.IPv6Address((0x2002 << 112) + (int(address) << 80)),
    )
    for carrier in carriers:
        assert bool(forbidden(str(carrier), allow_loopback=False)) == bool(plain)


@given(
    st.ip_addresses(network="169.254.0.0/16")
    | st.ip_addresses(network="fe80::/10")
    | st.ip_addresses(network="224.0.0.0/4")
)
def test_no_link_local_or_multicast_address_is_free(address: object) -> None:
    assert forbidden(str(address), allow_loopback=True)


@given(st.ip_addresses(network="127.0.0.0/8"))
def test_loopback_is_free_only_where_it_is_allowed(address: object) -> None:
    assert forbidden(str(address), allow_loopback=True) == ""
    assert forbidden(str(address), allow_loopback=False) == f"{address} is a loopback address"


@pytest.mark.parametrize(
    ("url", "base", "authority"),
    [
        ("http://model.example", Base("http", "model.example", 80, ""), "model.example"),
        ("HTTPS://Model.Example/", Base("https", "model.example", 443, ""), "model.example"),
        ("http://10.0.0.1:8000/v1/", Base("http", "10.0.0.1", 8000, "/v1"), "10.0.0.1:8000"),
        ("https://[2001:db8::1]:8443", Base("https", "2001:db8::1", 8443, ""), "[2001:db8::1]:8443"),
    ],
)
def test_base_urls(url: str, base: Base, authority: str) -> None:
    parsed, findings = parse_base(url, "base_url", allow_loopback=False)
    assert (parsed, findings, base.authority) == (base, [], authority)


@pytest.mark.parametrize("url", [None, "", 7, "model.example", "http://", "http:///x", "http://a/?q", "http://a/#f"])
def test_what_is_no_base_url(url: object) -> None:
    base, findings = parse_base(url, "base_url", allow_loopback=False)
    assert base is None
    assert [finding.field for finding in findings] == ["base_url"]


def test_loopback_is_refused_with_the_way_to_allow_it() -> None:
    _base, findings = parse_base("http://127.0.0.1:8000", "base_url", allow_loopback=False)
    assert str(findings[0]) == (
        "base_url: no probe may go there: 127.0.0.1 is a loopback address (given: http://127.0.0.1:8000). "
        "Set reach.allow_loopback where that is meant."
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("file:///etc/hostname", "http or https only"),
        ("gopher://127.0.0.1:70/", "http or https only"),
        ("//127.0.0.1/", "http or https only"),
        ("http://user:secret@127.0.0.1/", "no user or password"),
        ("http://127.0.0.1:99999/", "between 1 and 65535"),
        ("http://127.0.0.1/\r\nHost: x", "printable ASCII"),
        ("http://169.254.169.254/", "link-local"),
        ("http://[::ffff:169.254.169.254]/", "link-local"),
        ("http://[fe80::1%25eth0]/", "link-local"),
    ],
)
def test_such_a_url_is_refused_before_anything(url: str, problem: str) -> None:
    base, findings = parse_base(url, "base_url", allow_loopback=True)
    assert base is None
    assert problem in findings[0].problem
    assert "secret" not in str(findings[0])
