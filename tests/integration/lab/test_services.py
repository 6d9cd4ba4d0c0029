# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services beside ECS and load balancing: boto3, the AWS CLI and the stock modules find what AWS would show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.lab.ecs_support import until
from tests.lab.aws.running import RunningLab, running

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent


def code(call: Any, **arguments: Any) -> str:
    """The error code with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def playbook(lab: RunningLab, name: str) -> str:
    """The recap line of a run."""
    values = {
        "vpc_id": lab.state["vpc_id"],
        "subnets": lab.state["subnets"]["public"],
        "ansible_python_interpreter": sys.executable,
    }
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", json.dumps(values), str(HERE / name)],
        env={**lab.environment(), "ANSIBLE_CONFIG": str(HERE / "stock" / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(line for line in done.stdout.splitlines() if "changed=" in line)


def test_stock_modules_make_things_once_and_find_them_again(tmp_path: Path) -> None:
    with running(tmp_path) as lab:  # of its own: they list everything there is
        assert "changed=10 " in playbook(lab, "stock/make.yml")
        before = lab.trace()[-1]["id"]
        assert "changed=0 " in playbook(lab, "stock/make.yml")
        assert [call for call in lab.trace(before) if call["mutating"]] == []
        playbook(lab, "stock/look.yml")


def test_the_aws_cli(shared_lab: RunningLab) -> None:
    def aws(*arguments: str) -> Any:
        line = [str(BIN / "aws"), *arguments, "--output", "json"]
        done = subprocess.run(line, env=shared_lab.environment(), capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    assert aws("sts", "get-caller-identity")["Account"] == "123456789012"
    assert aws("ec2", "describe-vpcs")["Vpcs"][0]["VpcId"] == shared_lab.state["vpc_id"]
    aws("ecs", "create-cluster", "--cluster-name", "cli")
    assert aws("ecs", "describe-clusters", "--clusters", "cli")["clusters"][0]["status"] == "ACTIVE"
    assert aws("elbv2", "describe-load-balancers")["LoadBalancers"] is not None


def test_clusters_are_described_as_asked(shared_lab: RunningLab) -> None:
    ecs = shared_lab.client("ecs")
    ecs.create_cluster(
        clusterName="asked",
        settings=[{"name": "containerInsights", "value": "enabled"}],
        tags=[{"key": "team", "value": "a"}],
    )
    (plain,) = ecs.describe_clusters(clusters=["asked"])["clusters"]
    assert (plain["settings"], plain["capacityProviders"], plain["defaultCapacityProviderStrategy"]) == ([], [], [])
    assert plain["activeServicesCount"] == plain["runningTasksCount"] == plain["pendingTasksCount"] == 0
    (full,) = ecs.describe_clusters(clusters=["asked"], include=["SETTINGS", "TAGS"])["clusters"]
    assert full["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert full["tags"] == [{"key": "team", "value": "a"}]


def test_a_load_balancer_answers_with_all_attributes(shared_lab: RunningLab) -> None:
    elb = shared_lab.client("elbv2")
    arn = elb.create_load_balancer(Name="attributes", Subnets=shared_lab.state["subnets"]["public"])["LoadBalancers"][
        0
    ]["LoadBalancerArn"]

    def attributes() -> dict[str, str]:
        answer = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)
        return {one["Key"]: one["Value"] for one in answer["Attributes"]}

    before = attributes()
    assert before["idle_timeout.timeout_seconds"] == "60"
    assert before["routing.http.drop_invalid_header_fields.enabled"] == "false"
    assert before["load_balancing.cross_zone.enabled"] == "true"
    changed = {"idle_timeout.timeout_seconds": "120", "zonal_shift.config.enabled": "true"}
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": value} for key, value in changed.items()]
    )
    assert attributes() == {**before, **changed}


def test_limits_and_unknown_operations_are_refused_without_a_retry(shared_lab: RunningLab) -> None:
    ecs, elb = shared_lab.client("ecs"), shared_lab.client("elbv2")
    before = shared_lab.control("GET", "trace")[-1]["id"]
    assert code(ecs.describe_services, services=["s"] * 11) == "InvalidParameterException"
    assert code(ecs.describe_tasks, tasks=["t"] * 101) == "InvalidParameterException"
    assert code(elb.describe_tags, ResourceArns=["arn"] * 21) == "ValidationError"
    assert code(ecs.submit_task_state_change) == "UnknownOperationException"
    assert code(elb.get_trust_store_ca_certificates_bundle, TrustStoreArn="arn") == "InvalidAction"
    assert code(shared_lab.client("ec2").get_console_screenshot, InstanceId="i-0") == "InvalidAction"
    assert len(shared_lab.trace(before)) == 6


def test_records_are_written_conditionally_as_on_s3(shared_lab: RunningLab) -> None:
    """Source: S3 user guide, "How to prevent object overwrites with conditional writes"."""
    s3 = shared_lab.client("s3")
    s3.create_bucket(Bucket="conditional")
    first = s3.put_object(Bucket="conditional", Key="a/b.json", Body=b"1", IfNoneMatch="*")["ETag"]
    assert code(s3.put_object, Bucket="conditional", Key="a/b.json", Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    second = s3.put_object(Bucket="conditional", Key="a/b.json", Body=b"2", IfMatch=first)["ETag"]
    assert code(s3.put_object, Bucket="conditional", Key="a/b.json", Body=b"3", IfMatch=first) == "PreconditionFailed"
    assert second != first
    answer = s3.get_object(Bucket="conditional", Key="a/b.json")
    assert (answer["Body"].read(), answer["ETag"]) == (b"2", second)
    assert code(s3.get_object, Bucket="conditional", Key="none") == "NoSuchKey"
    assert code(s3.put_object, Bucket="conditional", Key="none", Body=b"1", IfMatch=first) == "NoSuchKey"
    assert code(s3.get_object, Bucket="nobodys-bucket", Key="none") == "NoSuchBucket"


def test_a_bucket_keeps_versions_encryption_and_public_access_block(shared_lab: RunningLab) -> None:
    s3 = shared_lab.client("s3")
    s3.create_bucket(Bucket="settings")
    s3.put_bucket_versioning(Bucket="settings", VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket="settings")["Status"] == "Enabled"
    for body in (b"1", b"2"):
        s3.put_object(Bucket="settings", Key="k", Body=body)
    assert len(s3.list_object_versions(Bucket="settings", Prefix="k")["Versions"]) == 2
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    assert s3.get_public_access_block(Bucket="settings")["PublicAccessBlockConfiguration"] == block
    rules = s3.get_bucket_encryption(Bucket="settings")["ServerSideEncryptionConfiguration"]["Rules"]
    s3.put_public_access_block(Bucket="settings", PublicAccessBlockConfiguration={**block, "BlockPublicPolicy": False})
    changed = s3.get_public_access_block(Bucket="settings")["PublicAccessBlockConfiguration"]
    assert changed == {**block, "BlockPublicPolicy": False}
    controls = s3.get_bucket_ownership_controls(Bucket="settings")["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}  # S3's default since 2023


def test_secrets_logs_and_alarms(shared_lab: RunningLab) -> None:
    secrets, logs, alarms = (shared_lab.client(name) for name in ("secretsmanager", "logs", "cloudwatch"))
    arn = secrets.create_secret(Name="token", SecretString="s3cret")["ARN"]
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "s3cret"
    assert code(secrets.create_secret, Name="token", SecretString="x") == "ResourceExistsException"
    logs.create_log_group(logGroupName="/x")
    logs.put_retention_policy(logGroupName="/x", retentionInDays=30)
    assert logs.describe_log_groups(logGroupNamePrefix="/x")["logGroups"][0]["retentionInDays"] == 30
    for missing in ("missing", "breaching"):
        alarms.put_metric_alarm(
            AlarmName=missing, MetricName="m", Namespace="n", Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="LessThanThreshold", TreatMissingData=missing,
        )  # fmt: skip

    def states() -> dict[str, str]:
        told = alarms.describe_alarms(AlarmNames=["missing", "breaching"])["MetricAlarms"]
        return {alarm["TreatMissingData"]: alarm["StateValue"] for alarm in told}

    # Both begin without data; what that means is decided at the next full minute, which may be now.
    assert states()["missing"] == "INSUFFICIENT_DATA"
    until(lambda: states() == {"missing": "INSUFFICIENT_DATA", "breaching": "ALARM"})


def test_a_security_group_in_use_is_not_deleted(shared_lab: RunningLab) -> None:
    """Source: EC2 API reference, DeleteSecurityGroup (DependencyViolation)."""
    ec2, elb = shared_lab.client("ec2"), shared_lab.client("elbv2")
    vpc = shared_lab.state["vpc_id"]
    used = ec2.create_security_group(GroupName="used", Description="d", VpcId=vpc)["GroupId"]
    other = ec2.create_security_group(GroupName="other", Description="d", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": used}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])
    assert code(ec2.delete_security_group, GroupId=used) == "DependencyViolation"
    ec2.delete_security_group(GroupId=other)
    subnets = shared_lab.state["subnets"]["public"]
    balancer = elb.create_load_balancer(Name="user", Subnets=subnets, SecurityGroups=[used])["LoadBalancers"][0]
    (interface,) = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [used]}])[
        "NetworkInterfaces"
    ]
    assert interface["PrivateIpAddress"] == balancer["DNSName"]
    assert (interface["Status"], interface["RequesterManaged"]) == ("in-use", True)
    assert code(ec2.delete_security_group, GroupId=used) == "DependencyViolation"
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    ec2.delete_security_group(GroupId=used)
