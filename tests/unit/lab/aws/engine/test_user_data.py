# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User data: what is read from a cloud-config, and what is not taken."""

from __future__ import annotations

import base64
import gzip

import pytest

from tests.lab.aws.engine.user_data import Serving, UnreadableError, parse, seconds

SERVING = "SERVING_IMAGE=models.example/digits:1\nSERVING_PORT=8080\n"
UNIT = "[Service]\nEnvironmentFile=/etc/greenlight/serving.env\nRestart=on-failure\nRestartSec=5\nTimeoutStopSec=30s\n"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(serving: str = SERVING, model: str = "", unit: str = "") -> str:
    """A cloud-config with those of the three files that are not empty."""
    names = {
        "/etc/greenlight/serving.env": serving,
        "/etc/greenlight/model.env": model,
        "/etc/systemd/system/greenlight-serving.service": unit,
    }
    files = "".join(
        f"  - path: {path}\n    content: |\n" + "".join(f"      {line}\n" for line in content.splitlines())
        for path, content in names.items()
        if content
    )
    return f"#cloud-config\nwrite_files:\n{files}runcmd:\n  - [systemctl, enable, --now, greenlight-serving.service]\n"


def test_the_image_port_and_environment_are_read() -> None:
    model = "# the release\nGREENLIGHT_RELEASE=r1\n; more\n\nPORT=8080\nNAME = 'a b' \n"
    found = parse(encoded(config(model=model)))
    assert found == Serving(
        "models.example/digits:1", "", "", 8080, {"GREENLIGHT_RELEASE": "r1", "PORT": "8080", "NAME": "a b"}
    )
    assert (found.restart, found.restart_after, found.stop_timeout) == ("no", 0.1, 90.0)  # systemd's defaults


def test_an_artefact_has_a_checksum() -> None:
    checksum = "0" * 64
    text = f"SERVING_ARTIFACT=https://models.example/m.onnx\nSERVING_ARTIFACT_SHA256={checksum}\nSERVING_PORT=8080\n"
    found = parse(encoded(config(text)))
    assert (found.image, found.artifact, found.checksum) == ("", "https://models.example/m.onnx", checksum)


def test_the_unit_says_how_the_server_ends_and_begins_again() -> None:
    found = parse(encoded(config(unit=UNIT)))
    assert (found.restart, found.restart_after, found.stop_timeout) == ("on-failure", 5.0, 30.0)


def test_gzipped_user_data_and_encoded_files() -> None:
    zipped = base64.b64encode(gzip.compress(config().encode())).decode()
    assert parse(zipped).port == 8080
    for encoding, data in (
        ("b64", base64.b64encode(SERVING.encode()).decode()),
        ("gz+b64", base64.b64encode(gzip.compress(SERVING.encode())).decode()),
    ):
        text = f"#cloud-config\nwrite_files:\n  - {{path: /etc/greenlight/serving.env, encoding: {encoding},"
        assert parse(encoded(f"{text} content: {data}}}\n")).port == 8080


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#!/bin/sh\n", "does not begin with #cloud-config"),
        ("#cloud-config\nwrite_files: [\n", "not YAML"),
        ("#cloud-config\nruncmd: []\n", "no write_files"),
        ("#cloud-config\nwrite_files: []\n", "writes no /etc/greenlight/serving.env"),
        (config("SERVING_PORT=8080\n"), "both or neither"),
        (config(SERVING + "SERVING_ARTIFACT=x\n"), "both or neither"),
        (config("SERVING_ARTIFACT=x\nSERVING_PORT=1\n"), "no SERVING_ARTIFACT_SHA256"),
        (config("SERVING_IMAGE=x\n"), "no SERVING_PORT"),
        (config("SERVING_IMAGE=x\nSERVING_PORT=99999\n"), "no SERVING_PORT"),
        (config("SERVING_IMAGE=x\nSERVING_PORT=8080 # here\n"), "no SERVING_PORT"),
        (config(unit="[Service]\nRestart=on-abort\n"), "Restart=no, on-failure and always"),
        (config(unit="[Service]\nTimeoutStopSec=1min 30s\n"), "not a time span"),
    ],
)
def test_what_starts_nothing_says_why(text: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        parse(encoded(text))


@pytest.mark.parametrize("data", ["", "not base64!", base64.b64encode(b"\x1f\x8bbroken").decode()])
def test_what_cannot_be_decoded_says_so(data: str) -> None:
    with pytest.raises(UnreadableError):
        parse(data)


@pytest.mark.parametrize(("text", "value"), [("30", 30.0), ("250ms", 0.25), ("2min", 120.0), ("1.5 s", 1.5)])
def test_time_spans(text: str, value: float) -> None:
    assert seconds(text) == value
