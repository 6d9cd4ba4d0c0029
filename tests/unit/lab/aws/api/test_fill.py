# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is filled in where moto answers otherwise than AWS."""

from __future__ import annotations

import pytest

from tests.lab.aws.api.fill import only_without_tls


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": False}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}, False),
        ({"Effect": "Deny"}, False),
    ],
)
def test_a_statement_about_calls_without_tls_is_told_from_others(statement: dict[str, object], expected: bool) -> None:
    assert only_without_tls(statement) is expected
