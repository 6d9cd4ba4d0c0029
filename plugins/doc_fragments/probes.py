# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Probes, gate, identity and reach: options of `_glue.argspec_common` that several modules share."""

    DOCUMENTATION = r"""
options:
  probes:
    description:
      - Requests with expected answers. A round sends each once, in this order, over a fresh connection each.
      - A wrong answer is a failed sample. No answer, an incomplete or late one, and a status V(5xx), V(408), V(425) or
        V(429) that was not expected are inconclusive, because they say nothing about the model; so is a right answer
        that came too late, unless O(probes[].over_budget=fail).
      - A probe without O(probes[].expect) only proves that somebody answers with status V(200). Ask for a real
        inference and say what its answer must be.
      - Only http and https. Redirects are not followed, they are answers. Names are resolved once, and the address is
        what is connected to; link-local, metadata, multicast and reserved addresses are refused in every notation.
        Neither proxies nor credentials of the environment are used.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - Name in messages; unique, 1 to 64 printable characters.
          - V(probe 1), V(probe 2) and so on when left out.
        type: str
      path:
        description: Path and query, below the base URL; begins with a slash.
        type: str
        required: true
      method:
        description: HTTP method; V(POST) with a body and V(GET) without one when left out.
        type: str
        choices: [GET, HEAD, POST]
      headers:
        description: Headers to send. Their values may be shown.
        type: dict
        default: {}
      secret_headers:
        description: Headers whose values are secret, such as C(Authorization). They are never shown, nor is their echo.
        type: dict
        default: {}
      body:
        description: Text to send as it is, in UTF-8. Excludes O(probes[].body_json).
        type: str
      body_json:
        description: Data to send as JSON, with the content type C(application/json). Excludes O(probes[].body).
        type: raw
      expect:
        description: What the answer must be. All that is given must hold.
        type: dict
        suboptions:
          status:
            description: The statuses that are right.
            type: list
            elements: int
            default: [200]
          json:
            description:
              - The body is JSON that holds this. Objects may have more keys than named here, at any depth; lists must
                be of the same length, item by item; numbers are compared by value.
            type: raw
          text:
            description: The body is exactly this text, line ends included.
            type: str
          numeric:
            description: A number in the JSON body, or a list of them, is near the expected one.
            type: dict
            suboptions:
              path:
                description: Where it is, for example V(outputs[0].data) or V($.scores['a key'][2]).
                type: str
                required: true
              value:
                description: The expected number, or a list of them in which each is compared with its counterpart.
                type: raw
                required: true
              abs:
                description:
                  - Absolute tolerance. Near is C(|answer - value| <= abs + rel * |value|).
                  - NaN and infinity in an answer are never near.
                type: float
                default: 0.0
              rel:
                description: Relative tolerance.
                type: float
                default: 0.0
      timeout:
        description: Seconds for all of it, from the look-up of the name to the last byte of the answer.
        type: float
        default: 5.0
      latency_budget:
        description: Seconds from the first byte sent to the last one read, within which a right answer counts as one.
        type: float
      over_budget:
        description: What a right answer is that took longer than its budget.
        type: str
        choices: [inconclusive, fail]
        default: inconclusive
      max_body:
        description: Bytes; an answer with a larger body is inconclusive, and not read any further.
        type: int
        default: 65536
  gate:
    description:
      - When the samples add up to a verdict. Each probe of a round is one sample.
      - More failed samples than O(gate.failure_limit) is V(fail). Else more inconclusive ones in a row than
        O(gate.consecutive_error_limit) is V(inconclusive). Else O(gate.count) passes in a row is V(pass). Else, when
        O(gate.deadline) is over, V(inconclusive). No data is never a pass.
      - Passes in a row prove that something works, not how well; without a failure, 59 of them show with 95 %
        confidence that at least 95 % of the answers are right, and 299 that 99 % are.
    type: dict
    suboptions:
      interval:
        description: Seconds between two rounds.
        type: float
        default: 1.0
      count:
        description: Passes in a row that make the gate pass. Anything else in between starts the row again.
        type: int
        default: 5
      failure_limit:
        description: Failed samples that are forgiven.
        type: int
        default: 0
      consecutive_error_limit:
        description: Inconclusive samples in a row that are forgiven.
        version_added: 0.2.0
        type: int
        default: 20
        aliases: [error_limit]
      initial_delay:
        description: Seconds before the first round.
        type: float
        default: 0.0
      deadline:
        description: Seconds, the initial delay included, until an undecided gate is inconclusive.
        type: float
        default: 120.0
      consecutive_success_limit:
        description:
          - Passes in a row at the end that make the gate pass, once O(gate.count) samples said something. V(0) is
            O(gate.count).
        version_added: 0.2.0
        type: int
        default: 0
      dry_run:
        description: Say the verdict and act on none. The gate passes as soon as it is decided.
        version_added: 0.2.0
        type: bool
        default: false
      inconclusive:
        description:
          - What an inconclusive gate means to a rollout. It has waited until O(gate.deadline) then, unless too many
            answers in a row said nothing.
          - V(roll_back) takes the release back. V(pause) waits for a person, as long as the cloud holds, and is refused
            with a strategy that has no hold (V(rolling)). M(greenlight.serving.probe) alone does neither.
        version_added: 0.2.0
        type: str
        choices: [roll_back, pause]
        default: roll_back
  identity:
    description: How an answer says which release it comes from.
    type: dict
    suboptions:
      header:
        description: The response header that carries the release's mark.
        type: str
        default: x-greenlight-release
  reach:
    description: What a probe may connect to, and whom it trusts.
    type: dict
    suboptions:
      allow_loopback:
        description: Whether loopback addresses may be probed. Link-local and metadata addresses never are.
        type: bool
        default: false
      ca_file:
        description:
          - PEM file with the certificate authorities to trust instead of the system's.
          - Certificates are always verified.
        type: path
"""
