# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foreign text made safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.greenlight.serving.plugins.module_utils._probes.text import HIDDEN, printable


@given(st.text())
def test_always_short_and_printable(text: str) -> None:
    shown = printable(text, 20)
    assert len(shown) <= 20
    assert shown.isprintable()


@given(st.text(st.characters(categories=["Ll"]), min_size=1, max_size=30))
def test_what_is_harmless_stays(text: str) -> None:
    assert printable(text, 30) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key s3cr3t!", f"key {HIDDEN}!"),
        ("Bearer t0ken", HIDDEN),
        ("only t0ken here", f"only {HIDDEN} here"),
        ('quoted "a\\"b"', f'quoted "{HIDDEN}"'),
        ("\x1b[2J\n", "�[2J�"),
    ],
)
def test_secrets_and_control_characters(text: str, shown: str) -> None:
    assert printable(text, hide=("s3cr3t", "Bearer t0ken", 'a"b')) == shown


def test_a_secret_goes_before_the_cut() -> None:
    assert printable("x" * 15 + "s3cr3t", 20, ("s3cr3t",)) == "x" * 15 + HIDDEN[:4] + "…"


def test_the_longer_secret_first() -> None:
    assert printable("abcdef", hide=("abc", "abcdef")) == HIDDEN
