# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image's container health check (`healthcheck` on its PATH): exit status 0 when the server is alive."""

from __future__ import annotations

import http.client
import os
import sys


def alive(host: str, port: int, timeout: float = 2.0) -> bool:
    """Whether GET /v2/health/live answers 200 within `timeout` real seconds."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/v2/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if alive(os.environ.get("LAB_BIND", "127.0.0.1"), int(os.environ.get("PORT", "8080"))) else 1)
