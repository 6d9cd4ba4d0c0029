#!/usr/bin/python
# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: probe
short_description: Ask a served model and wait until its answers are right
version_added: 0.1.0
description:
  - Sends requests with expected answers, round after round, until they add up to a verdict - V(pass), V(fail) or
    V(inconclusive). Unless it is V(pass), the task fails.
  - A gate of its own for any playbook, whatever serves the model and whoever deployed it - behind a load balancer, on
    one server, before and after a change.
  - Only asks. It never changes anything, so C(changed) is always false and check mode probes as well.
  - Needs nothing but Python 3.9 or later where it runs. Probe from inside a network with C(delegate_to).
  - On the controller itself, with connection C(local), progress is shown while it runs - a line whenever
    the answers become other ones, and one now and then while nothing changes.
author:
  - greenlight.serving contributors (@greenlight)
options:
  base_url:
    description:
      - Scheme, host, port and, where needed, the path in front of all probes' paths.
      - No user, password, query or fragment.
    type: str
    required: true
    aliases: [url]
  headers:
    description: Headers to send with every probe. A probe's own header of the same name takes its place.
    type: dict
    default: {}
  secret_headers:
    description: The same for headers whose values are secret. They are never shown, nor is their echo in an answer.
    type: dict
    default: {}
  latency_budget:
    description: O(probes[].latency_budget) of every probe that has none of its own.
    type: float
  release:
    description:
      - The mark of the release that must have answered, in the header O(identity.header).
      - What another release answers, right or wrong, is inconclusive, and so is an answer without a mark.
      - When left out, anybody may answer; RV(samples.releases) says who did.
    type: str
  fail_on:
    description:
      - Verdicts that fail the task. A gate that ends undecided is V(inconclusive).
      - With an empty list the task never fails because of a verdict; look at RV(verdict).
    type: list
    elements: str
    choices: [fail, inconclusive]
    default: [fail, inconclusive]
extends_documentation_fragment:
  - greenlight.serving.probes
attributes:
  check_mode:
    support: full
    description: Probes as always, because probing changes nothing.
  diff_mode:
    support: none
    description: There is no difference to show.
seealso:
  - module: ansible.builtin.uri
    description: One request, without a verdict over many.
  - module: ansible.builtin.wait_for
    description: Whether a port is open, without looking at answers.
"""

EXAMPLES = r"""
- name: The model answers, five times in a row
  greenlight.serving.probe:
    base_url: http://models.example.com
    probes:
      - name: ready
        path: /v2/models/digits/ready

- name: It recognises a seven, within 200 ms
  greenlight.serving.probe:
    base_url: https://models.example.com
    probes:
      - name: seven
        path: /v2/models/digits/infer
        body_json:
          inputs:
            - name: image
              shape: [1, 64]
              datatype: FP32
              data: "{{ lookup('ansible.builtin.file', 'seven.json') | from_json }}"
        expect:
          json:
            model_name: digits
            outputs:
              - data: [7]
        latency_budget: 0.2

- name: Probabilities within a tolerance, exact text, and what must be refused
  greenlight.serving.probe:
    base_url: https://models.example.com
    probes:
      - name: probabilities
        path: /v2/models/digits/infer
        body_json: "{{ golden.request }}"
        expect:
          numeric:
            path: outputs[1].data
            value: [0.0, 0.01, 0.99]
            abs: 0.001
      - name: version
        path: /version
        expect:
          text: "digits 7\n"
      - name: nonsense is refused
        path: /v2/models/digits/infer
        body: nonsense
        expect:
          status: [400]
    gate:
      count: 30

- name: Wait up to five minutes for a model that loads slowly, then ask every two seconds
  greenlight.serving.probe:
    base_url: http://10.0.12.7:8080
    probes: "{{ golden_probes }}"
    gate:
      initial_delay: 30
      interval: 2
      consecutive_error_limit: 150
      deadline: 330

- name: This very release answers, and not the one before it
  greenlight.serving.probe:
    base_url: https://models.example.com
    probes: "{{ golden_probes }}"
    release: 3f9c1d2b7a60
    identity:
      header: x-greenlight-release

- name: A model behind a token, a certificate of our own authority
  greenlight.serving.probe:
    base_url: https://models.internal.example.com:8443
    secret_headers:
      Authorization: Bearer {{ models_token }}
    reach:
      ca_file: /etc/ssl/internal-ca.pem
    probes:
      - name: completion
        path: /v1/completions
        body_json:
          model: small
          prompt: 2 + 2 =
          max_tokens: 1
          temperature: 0
          seed: 1
        expect:
          json:
            choices:
              - text: " 4"

- name: From a bastion, which alone can reach the servers
  greenlight.serving.probe:
    base_url: http://{{ item }}:8080
    probes: "{{ golden_probes }}"
  loop: "{{ private_addresses }}"
  delegate_to: bastion.example.com

- name: Forgive one wrong answer in a hundred, and go on when nothing can be said
  greenlight.serving.probe:
    base_url: https://models.example.com
    probes: "{{ golden_probes }}"
    gate:
      interval: 0.2
      count: 100
      failure_limit: 1
    fail_on: [fail]
  register: gate

- name: Say how it went
  ansible.builtin.debug:
    msg: "{{ gate.verdict }} ({{ gate.reason }}), 95 % within {{ gate.samples.p95 }} s"

- name: A server on this machine
  greenlight.serving.probe:
    base_url: http://127.0.0.1:8080
    probes:
      - path: /v2/health/ready
    reach:
      allow_loopback: true
"""

RETURN = r"""
verdict:
  description: V(pass), V(fail) or V(inconclusive); V(interrupted) when somebody ended the task before that.
  returned: when something was sent
  type: str
  sample: pass
reason:
  description: Why, in one sentence.
  returned: when something was sent
  type: str
  sample: "1 wrong answer, 0 forgiven: seven: $.outputs[0].data[0]: expected 7, got 1"
identity:
  description: V(proven) when the verdict is V(pass) and every answer that counted carried the mark O(release).
  returned: when something was sent
  type: str
  sample: proven
samples:
  description: What the probes saw.
  returned: when something was sent
  type: dict
  contains:
    passed:
      description: Right answers.
      type: int
    failed:
      description: Wrong answers.
      type: int
    inconclusive:
      description: Probes that said nothing.
      type: int
    p50:
      description: Seconds within which half of the answers came, right or wrong; none without an answer.
      type: float
    p95:
      description: Seconds within which 95 % of them came.
      type: float
    last_reason:
      description: What the last probe that did not pass expected and saw; at most 120 characters.
      type: str
    releases:
      description: The marks of the releases that answered.
      type: list
      elements: str
  sample:
    passed: 5
    failed: 0
    inconclusive: 2
    p50: 0.012
    p95: 0.031
    last_reason: "ready: no connection: Connection refused"
    releases: [3f9c1d2b7a60]
duration:
  description: Seconds from the first probe, or its delay, to the verdict.
  returned: when something was sent
  type: float
  sample: 6.1
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._glue.probe_gate import argument_spec, run


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    result = run(module.params, lambda _at, _line, _waiting: None)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
