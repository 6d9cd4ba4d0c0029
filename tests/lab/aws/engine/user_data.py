# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance's user data starts, read without running it. Pure.

The contract is in the lab's README, "Instances and their user data": a cloud-config whose `write_files` hold two
environment files and a systemd unit. Encodings of `write_files`: cloud-init's documentation, "Module reference", Write
Files; user data may be gzipped: "User data formats".
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

HEADER = "#cloud-config"
SERVING, MODEL = "/etc/greenlight/serving.env", "/etc/greenlight/model.env"
UNIT = "/etc/systemd/system/greenlight-serving.service"
DRAIN = "/etc/systemd/system/greenlight-drain.service"
SPAN = re.compile(r"(\d+(?:[.]\d+)?)\s*(ms|s|sec|min)?")  # systemd.time(7), its plain forms
UNITS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "min": 60.0}


class UnreadableError(ValueError):
    """The user data starts nothing here; the message says why."""


@dataclass(frozen=True)
class Serving:
    """Either `image` or `artifact` (with its SHA-256). Seconds are AWS seconds."""

    image: str
    artifact: str
    checksum: str
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    restart: str = "no"  # no on-failure always: systemd.service(5), Restart=
    restart_after: float = 0.1
    stop_timeout: float = 90.0
    hook: str = ""  # the lifecycle hook that the machine completes itself, once its server has ended
    drain: float = 0.0  # how long the server still serves when the machine hears that it will be terminated


def parse(encoded: str) -> Serving:
    """`encoded`: base64, as the launch template holds it. Raises UnreadableError."""
    files = _files(_text(encoded))
    serving, model = _environment(files, SERVING), _environment(files, MODEL, {})
    image, artifact = serving.get("SERVING_IMAGE", ""), serving.get("SERVING_ARTIFACT", "")
    if bool(image) == bool(artifact):
        raise UnreadableError(f"{SERVING} names both or neither of SERVING_IMAGE and SERVING_ARTIFACT")
    checksum = serving.get("SERVING_ARTIFACT_SHA256", "")
    if artifact and not re.fullmatch("[0-9a-f]{64}", checksum):
        raise UnreadableError(f"{SERVING} has no SERVING_ARTIFACT_SHA256 of 64 hexadecimal digits")
    port = serving.get("SERVING_PORT", "")
    if not port.isdigit() or not 1 <= int(port) <= 65535:
        raise UnreadableError(f"{SERVING} has no SERVING_PORT from 1 to 65535")
    unit = _unit(files.get(UNIT, ""))
    restart = unit.get("Restart", "no")
    if restart not in ("no", "on-failure", "always"):
        raise UnreadableError(f"{UNIT}: the lab knows Restart=no, on-failure and always, not {restart}")
    return Serving(
        image,
        artifact,
        checksum,
        int(port),
        model,
        restart,
        seconds(unit.get("RestartSec", "100ms")),
        seconds(unit.get("TimeoutStopSec", "90s")),
        serving.get("SERVING_HOOK", "") if DRAIN in files else "",
        seconds(serving.get("SERVING_DRAIN_SECONDS", "0")),
    )


def seconds(text: str) -> float:
    """A time span of systemd in one unit: "30", "30s", "100ms", "2min". Raises UnreadableError."""
    match = SPAN.fullmatch(text.strip())
    if match is None:
        raise UnreadableError(f"{UNIT}: {text!r} is not a time span in one unit")
    return float(match[1]) * UNITS[match[2] or "s"]


def _text(encoded: str) -> str:
    try:
        data = base64.b64decode(encoded, validate=True)
        return _unzipped(data).decode()
    except (binascii.Error, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UnreadableError(f"the user data cannot be decoded: {error}") from error


def _unzipped(data: bytes) -> bytes:
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _files(text: str) -> dict[str, str]:
    if not text.startswith(HEADER):
        raise UnreadableError(f"the user data does not begin with {HEADER}")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UnreadableError(f"the cloud-config is not YAML: {error}") from error
    written = document.get("write_files") if isinstance(document, Mapping) else None
    if not isinstance(written, list):
        raise UnreadableError("the cloud-config has no write_files")
    return {str(one["path"]): _content(one) for one in written if isinstance(one, Mapping) and "path" in one}


def _content(entry: Mapping[str, Any]) -> str:
    encoding, content = str(entry.get("encoding") or ""), entry.get("content") or ""
    data = content if isinstance(content, bytes) else str(content).encode()
    try:
        if "b64" in encoding or "base64" in encoding:
            data = base64.b64decode(data)
        if encoding.startswith("gz"):
            data = gzip.decompress(data)
        return data.decode()
    except (binascii.Error, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UnreadableError(f"{entry['path']} cannot be decoded: {error}") from error


def _environment(files: Mapping[str, str], path: str, without: dict[str, str] | None = None) -> dict[str, str]:
    """KEY=VALUE lines as systemd's EnvironmentFile reads them, quotes around a whole value included."""
    if path not in files:
        if without is None:
            raise UnreadableError(f"the cloud-config writes no {path}")
        return without
    found = {}
    for line in files[path].splitlines():
        name, separator, value = line.strip().partition("=")
        if not separator or name.startswith(("#", ";")):
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name.strip()] = value
    return found


def _unit(text: str) -> dict[str, str]:
    """The settings of a unit file; of several with one name, the last."""
    pairs = (line.strip().partition("=") for line in text.splitlines() if not line.lstrip().startswith(("#", ";")))
    return {name.strip(): value.strip() for name, separator, value in pairs if separator}
