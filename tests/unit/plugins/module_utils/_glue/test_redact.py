# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing secret leaves a run: planted secrets, in every form in which a message may carry them."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest

from ansible_collections.greenlight.serving.plugins.module_utils._engine.model import Record
from ansible_collections.greenlight.serving.plugins.module_utils._glue import argspec_ecs
from ansible_collections.greenlight.serving.plugins.module_utils._glue.redact import MASK, Redactor
from ansible_collections.greenlight.serving.plugins.module_utils._store import schema

from .._platforms.ecs_params import params

SECRET = 'p/4+"z\\ü=='
PLANTED = {
    "secret_key": SECRET + "1",
    "session_token": SECRET + "2",
    "probes": [
        {
            "path": "/",
            "secret_headers": {"X-Whatever": SECRET + "3"},
            "headers": {"Authorization": "Bearer " + SECRET + "4", "Accept": "text/plain"},
        }
    ],
    "container.environment": {"DB_PASSWORD": SECRET + "5", "MODEL": "digits"},
}
REDACTOR = Redactor(argspec_ecs.ecs_rollout(), params(**PLANTED))


@pytest.mark.parametrize("number", "12345")
@pytest.mark.parametrize(
    "form",
    [
        str,
        lambda text: f"before {text} after {text}",
        lambda text: json.dumps({"x": text}),
        lambda text: urllib.parse.quote(text, safe=""),
        urllib.parse.quote_plus,
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    ],
)
def test_every_planted_secret_is_masked_in_every_form(number: str, form: object) -> None:
    secret = ("Bearer " if number == "4" else "") + SECRET + number
    shown = REDACTOR(form(secret))  # type: ignore[operator]
    assert MASK in shown
    assert form(secret) not in shown  # type: ignore[operator]
    assert SECRET not in shown


def test_containers_of_every_kind_are_searched() -> None:
    value = {"a": [SECRET + "1", {"b": (SECRET + "2", 7, None, True)}], SECRET + "3": 1.5}
    assert REDACTOR(value) == {"a": [MASK, {"b": (MASK, 7, None, True)}], MASK: 1.5}


def test_public_values_stay() -> None:
    line = "release digits on 2 of 2 targets, text/plain, port 8080, us-east-1"
    assert REDACTOR(line) == line


def test_known_forms_of_keys_are_masked_wherever_they_come_from() -> None:
    assert REDACTOR("AKIAIOSFODNN7EXAMPLE and https://user:pw@host/x") == f"{MASK} and https{MASK}host/x"


def test_a_short_secret_is_masked_only_where_it_is_the_whole_text() -> None:
    redactor = Redactor(argspec_ecs.ecs_rollout(), {"secret_key": "on"})
    assert (redactor("on"), redactor("one region")) == (MASK, "one region")


def test_a_record_is_read_back_also_when_a_secret_is_a_word_in_it() -> None:
    release, rejected = "0123456789ab", "ba9876543210"
    service = "serving/digits"
    redactor = Redactor(
        argspec_ecs.ecs_rollout(), params(secret_key=release, session_token="digits", access_key="from")
    )
    record = Record(
        service,
        live=release,
        pinned=release,
        pinned_by="digits@host",
        rejected={release: "digits was wrong", rejected: "x"},
        releases={release: "digits:7"},
        unfinished={"to": release, "from": rejected, "phase": "proving", "cause": f"digits {release}"},
    )
    kept = redactor.record(record)
    assert schema.parse(schema.dump(kept), service) == kept
    assert (kept.service, kept.live, kept.pinned, kept.unfinished["to"]) == (service, release, release, release)
    assert list(kept.rejected) == [release, rejected]
    free = (kept.pinned_by, kept.rejected[release], kept.releases[release], kept.unfinished["cause"])
    assert free == (f"{MASK}@host", f"{MASK} was wrong", f"{MASK}:7", f"{MASK} {MASK}")


def test_ids_and_words_of_a_result_stay_and_its_texts_do_not() -> None:
    redactor = Redactor(argspec_ecs.ecs_rollout(), params(secret_key="0123456789ab", session_token="refused"))
    result = {
        "state": "refused",
        "release": {"id": "0123456789ab", "label": "refused 0123456789ab"},
        "targets": [{"id": "refused:8080", "release": "0123456789ab", "state": "healthy"}],
        "refused": "refused",
    }
    assert redactor.result(result) == {
        "state": "refused",
        "release": {"id": "0123456789ab", "label": f"{MASK} {MASK}"},
        "targets": [{"id": f"{MASK}:8080", "release": "0123456789ab", "state": "healthy"}],
        "refused": MASK,
    }
