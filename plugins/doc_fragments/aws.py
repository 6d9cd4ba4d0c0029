# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Connection options: those of amazon.aws, by the same names."""

    DOCUMENTATION = r"""
options:
  region:
    description: The AWS region, for example V(eu-central-1). Environment - E(AWS_REGION), E(AWS_DEFAULT_REGION).
    type: str
    aliases: [aws_region]
  endpoint_url:
    description: URL to connect to instead of the service's own endpoint. Environment - E(AWS_URL).
    type: str
    aliases: [aws_endpoint_url]
  access_key:
    description:
      - Access key ID. Environment - E(AWS_ACCESS_KEY_ID), E(AWS_ACCESS_KEY).
      - Without keys and without O(profile), the SDK looks where it always looks, for example for an instance's role.
    type: str
    aliases: [aws_access_key_id, aws_access_key]
  secret_key:
    description: Secret access key. Environment - E(AWS_SECRET_ACCESS_KEY), E(AWS_SECRET_KEY).
    type: str
    aliases: [aws_secret_access_key, aws_secret_key]
  session_token:
    description: Session token of temporary credentials. Environment - E(AWS_SESSION_TOKEN).
    type: str
    aliases: [aws_session_token]
  profile:
    description: Named profile of the SDK's files. Excludes keys. Environment - E(AWS_PROFILE), E(AWS_DEFAULT_PROFILE).
    type: str
    aliases: [aws_profile]
  validate_certs:
    description: V(false) trusts whoever answers. Rather set O(aws_ca_bundle).
    type: bool
    default: true
  aws_ca_bundle:
    description: File with the certificate authorities to trust. Environment - E(AWS_CA_BUNDLE).
    type: path
  aws_config:
    description:
      - Settings of botocore's C(Config), for example C(connect_timeout).
      - Retries set here are those of reading calls. A changing call is sent once; what becomes of it is read back.
    type: dict
requirements:
  - boto3 >= 1.44.5
"""
