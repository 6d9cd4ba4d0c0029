# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service with native deployments on a running lab: both target groups, a production and a test listener."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.integration.lab.ecs_support import Served, until

TEST_PORT = 8001
BEAT = {"Namespace": "greenlight", "MetricName": "beat"}


class Native(Served):
    """As `Served`, with rules, a role and an alarm; its cluster and service have its name."""

    test_rule = ""
    role = ""

    def balance(self) -> None:
        """The listeners' default rules forward, too: a listener of a native deployment mixes no actions."""
        super().balance()
        (balancer,) = self.elb.describe_load_balancers(Names=[self.name])["LoadBalancers"]
        closed = self._group("closed")
        default = [{"Type": "forward", "TargetGroupArn": closed}]
        (listener,) = self.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        self.elb.modify_listener(ListenerArn=listener["ListenerArn"], DefaultActions=default)
        test = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=TEST_PORT, DefaultActions=default
        )["Listeners"][0]["ListenerArn"]
        forward = [{"TargetGroupArn": self.groups[color], "Weight": w} for color, w in (("blue", 100), ("green", 0))]
        self.test_rule = self.elb.create_rule(
            ListenerArn=test,
            Priority=10,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": forward}}],
        )["Rules"][0]["RuleArn"]
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        iam = self.cloud.client("iam")
        made = iam.create_role(RoleName=f"{self.name}-infrastructure", AssumeRolePolicyDocument=json.dumps(trust))
        self.role = made["Role"]["Arn"]

    def _group(self, color: str) -> str:
        made = self.elb.create_target_group(
            Name=f"{self.name}-{color}", Protocol="HTTP", Port=8080, VpcId=self.cloud.state["vpc_id"], TargetType="ip"
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def advanced(self) -> list[dict[str, Any]]:
        entry = {
            "alternateTargetGroupArn": self.groups["green"],
            "productionListenerRule": self.rule,
            "testListenerRule": self.test_rule,
            "roleArn": self.role,
        }
        group = {"targetGroupArn": self.groups["blue"], "containerName": "model", "containerPort": 8080}
        return [{**group, "advancedConfiguration": entry}]

    def weights(self, rule: str = "") -> dict[str, int]:
        """Color -> weight of the production rule, or of another."""
        (found,) = self.elb.describe_rules(RuleArns=[rule or self.rule])["Rules"]
        colors = {arn: color for color, arn in self.groups.items()}
        groups = found["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return {colors[group["TargetGroupArn"]]: group["Weight"] for group in groups}

    def current(self) -> dict[str, Any]:
        return self.deployments()[0]

    def held(self) -> tuple[str, str, float]:
        """Wait for a PAUSE: its stage, its hook's id, the real seconds until it times out."""

        def waiting() -> tuple[str, str, float] | None:
            now = self.current()
            for hook in now.get("lifecycleHookDetails") or ():
                if hook["status"] == "AWAITING_ACTION":
                    left = (hook["expiresAt"] - datetime.now(UTC)).total_seconds()
                    return now["lifecycleStage"], hook["hookId"], left
            return None

        stage, hook, left = until(waiting)
        return str(stage), str(hook), float(left)

    def proceed(self, hook: str, action: str = "CONTINUE") -> None:
        arn = self.current()["serviceDeploymentArn"]
        self.ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook, action=action)

    def live_group(self) -> str:
        """The color that serves, by the serving revision's resolved configuration."""
        target = self.current()["targetServiceRevision"]["arn"]
        (revision,) = self.ecs.describe_service_revisions(serviceRevisionArns=[target])["serviceRevisions"]
        (resolved,) = revision["resolvedConfiguration"]["loadBalancers"]
        return {arn: color for color, arn in self.groups.items()}[resolved["targetGroupArn"]]


class Alarm:
    """A heartbeat alarm: a beat is 1, silence is missing data."""

    def __init__(self, served: Native) -> None:
        self.name, self._watch = f"{served.name}-beat", served.cloud.client("cloudwatch")
        self._dimensions = [{"Name": "service", "Value": served.name}]

    def put(self, missing: str) -> None:
        self._watch.put_metric_alarm(
            AlarmName=self.name, **BEAT, Dimensions=self._dimensions, Statistic="Sum", Period=10, EvaluationPeriods=3,
            Threshold=1, ComparisonOperator="LessThanThreshold", TreatMissingData=missing,
        )  # fmt: skip

    def beat(self) -> None:
        datum = {"MetricName": BEAT["MetricName"], "Dimensions": self._dimensions, "Value": 1, "StorageResolution": 1}
        self._watch.put_metric_data(Namespace=BEAT["Namespace"], MetricData=[datum])

    def state(self) -> str:
        return str(self._watch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"][0]["StateValue"])
