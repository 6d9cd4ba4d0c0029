# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks like a secret, and what does not."""

from __future__ import annotations

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._platforms.aws_limits import looks_secret

SECRET = [
    ("DB_PASSWORD", "hunter2"),
    ("HF_TOKEN", "x"),
    ("OPENAI_API_KEY", "x"),
    ("X", "AKIAIOSFODNN7EXAMPLE"),
    ("X", "-----BEGIN RSA PRIVATE KEY-----"),
    ("X", "hf_abcdefghijklmnopqrstuv"),
    ("X", "postgres://user:pass@db.example.com/x"),
    ("X", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"),
]
PUBLIC = [
    ("MODEL", "meta-llama/Llama-3.1-8B-Instruct"),
    ("PORT", "8080"),
    ("TOKENIZERS_PARALLELISM", "false"),
    ("SECRET_NAME", "digits"),
    ("API_KEY_FILE", "/run/secrets/key"),
    ("PASSWORD", ""),
    ("URL", "https://models.example.com/v2/models/digits/versions/17"),
    ("PATHS", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"),
    ("WORDS", "the_quick_brown_fox_jumps_over_the_lazy_dog"),
]


@pytest.mark.parametrize(("name", "value"), SECRET)
def test_secrets_are_seen_by_name_form_or_entropy(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(("name", "value"), PUBLIC)
def test_public_values_are_left_alone(name: str, value: str) -> None:
    assert not looks_secret(name, value)
