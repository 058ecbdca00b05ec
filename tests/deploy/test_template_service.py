"""The service: how it is deployed and scaled, who reaches it, and who is told when something is wrong."""

import json
import re
from typing import Any

import pytest
from moto.events.models import EventPattern

from consumer.metrics import cloudwatch
from consumer.settings import Settings
from tests.deploy.iam_template import arn
from tests.deploy.template import EVERYTHING, FOLDER, GIVEN, ROOT, SIZES, Stacks, document, size_file, stack

TOPIC = GIVEN["AlarmTopicArn"]
NAMESPACE = "KinesisSanitizer"


def alarms(chosen: Stacks) -> dict[str, dict[str, Any]]:
    """Return the alarms for people, without those by which the service is scaled and deployments are judged."""
    names = chosen.each["alarms"].resources("AWS::CloudWatch::Alarm")
    return {name: chosen.properties(name) for name in names}


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that an alarm reads."""
    queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    return queries or [alarm]


def evaluate(alarm: dict[str, Any], **values: Any) -> float:
    """Return what an alarm's expression is for these values of its metrics."""
    (expression,) = (query["Expression"] for query in alarm["Metrics"] if "Expression" in query)
    functions = {"IF": lambda condition, yes, no: yes if condition else no, "FILL": lambda value, _: value}
    # CloudWatch divides by zero without an error, and IF keeps what it gives out of the result.
    safe = expression.replace("/ received", "/ (received or 1)")
    return float(eval(safe, {"__builtins__": {}}, values | functions))  # noqa: S307 - the template's arithmetic


def test_new_tasks_come_before_old_ones_go_and_a_bad_deployment_goes_back() -> None:
    deployment = stack().properties("Service")["DeploymentConfiguration"]
    assert deployment["MinimumHealthyPercent"] == 100
    assert deployment["MaximumPercent"] == 200
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    watched = deployment["Alarms"]
    assert (watched["Enable"], watched["Rollback"]) == (True, True)
    assert watched["AlarmNames"] == ["RolloutQuarantineAlarm", "RolloutLagAlarm"]
    quarantine = stack().properties("RolloutQuarantineAlarm")
    assert evaluate(quarantine, quarantined=60, received=1000) > quarantine["Threshold"]
    assert evaluate(quarantine, quarantined=50, received=1000) <= quarantine["Threshold"]
    assert evaluate(quarantine, quarantined=0, received=0) == 0
    # New tasks take their shards over within a minute; that is no bad deployment.
    lag = stack().properties("RolloutLagAlarm")
    assert int(lag["Threshold"]) >= 120
    assert lag["Period"] * lag["EvaluationPeriods"] >= 300


def test_a_backlog_that_is_known_ends_no_deployment() -> None:
    """A first deployment has no version to go back to: ECS would fail it, and CloudFormation take the service away."""
    assert int(stack(RolloutLagSeconds="604800").properties("RolloutLagAlarm")["Threshold"]) == 604800


def test_an_update_leaves_the_number_of_tasks_alone() -> None:
    assert "DesiredCount" not in stack().properties("Service")


def test_the_everyday_deployment_has_nothing_of_the_data() -> None:
    kept = {"AWS::DynamoDB::Table", "AWS::Kinesis::Stream", "AWS::KMS::Key", "AWS::SecretsManager::Secret"}
    for template in ("service", "operators", "alarms"):
        assert not {each["Type"] for each in document(template)["Resources"].values()} & kept
    policy = json.loads((FOLDER / "data-stack-policy.json").read_text("utf-8"))["Statement"]
    (denied,) = (each for each in policy if each["Effect"] == "Deny")
    assert set(denied["Action"]) == {"Update:Replace", "Update:Delete"}
    assert set(denied["Condition"]["StringEquals"]["ResourceType"]) == {*kept, "AWS::Logs::LogGroup"}


def test_tasks_are_private_and_nobody_enters_them() -> None:
    service = stack().properties("Service")
    network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    assert network["SecurityGroups"] == ["SecurityGroup"]
    assert service["EnableExecuteCommand"] is False
    assert service["PropagateTags"] == "SERVICE"
    assert service["AvailabilityZoneRebalancing"] == "ENABLED"


def test_the_way_out_is_https_and_the_way_in_the_scrapers() -> None:
    group = stack().properties("SecurityGroup")
    assert "SecurityGroupIngress" not in group
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]] == [
        ("tcp", 443, 443)
    ]
    by_endpoints = stack(**EVERYTHING).properties("SecurityGroup")["SecurityGroupEgress"]
    assert {(rule["FromPort"], rule["ToPort"]) for rule in by_endpoints} == {(443, 443)}
    assert not any("CidrIp" in rule for rule in by_endpoints)
    assert [rule.get("DestinationSecurityGroupId") or rule.get("DestinationPrefixListId") for rule in by_endpoints] == [
        EVERYTHING[name] for name in ("EndpointSecurityGroupId", "DynamoDbPrefixListId", "S3PrefixListId")
    ]
    assert not stack().resources("AWS::EC2::SecurityGroupIngress")
    ingress = stack(**EVERYTHING).properties("ScraperIngress")
    assert ingress["SourceSecurityGroupId"] == EVERYTHING["ScraperSecurityGroupId"]
    assert ingress["FromPort"] == ingress["ToPort"] == Settings().http.port
    assert "CidrIp" not in ingress


def test_ec2_takes_the_descriptions() -> None:
    chosen = stack(**EVERYTHING)
    group, ingress = chosen.properties("SecurityGroup"), chosen.properties("ScraperIngress")
    rules = [*group["SecurityGroupEgress"], ingress]
    for text in (group["GroupDescription"], *(rule["Description"] for rule in rules)):
        assert re.fullmatch(r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}", text)  # cfn-lint does not look


def test_spot_is_a_choice_and_never_the_whole() -> None:
    (only,) = stack().properties("Service")["CapacityProviderStrategy"]
    assert only["CapacityProvider"] == "FARGATE"
    fixed, spot = stack(**EVERYTHING, MinTasks="4").properties("Service")["CapacityProviderStrategy"]
    assert (fixed["CapacityProvider"], fixed["Base"], fixed["Weight"]) == ("FARGATE", "4", 1)
    assert (spot["CapacityProvider"], spot["Weight"]) == ("FARGATE_SPOT", "3")
    assert set(stack().properties("Cluster")["CapacityProviders"]) == {"FARGATE", "FARGATE_SPOT"}


@pytest.mark.parametrize("others", [{}, {"ClusterName": "shared"}])
def test_scaling_is_the_services_within_its_bounds(others: dict[str, str]) -> None:
    chosen = stack(**others)
    target = chosen.properties("ScalableTarget")
    cluster = chosen.properties("Service")["Cluster"]
    assert target["ResourceId"] == f"service/{cluster}/Service"
    assert cluster == others.get("ClusterName", "Cluster")
    assert (target["ServiceNamespace"], target["ScalableDimension"]) == ("ecs", "ecs:service:DesiredCount")
    assert bool(chosen.resources("AWS::ECS::Cluster")) is not bool(others)


@pytest.mark.parametrize("size", SIZES)
def test_scaling_follows_the_size(size: str) -> None:
    target = stack(size).properties("ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (size_file(size)["MinTasks"], size_file(size)["MaxTasks"])


def test_a_backlog_adds_tasks_in_steps_without_gaps() -> None:
    chosen = stack()
    steps = chosen.properties("LagScaling")["StepScalingPolicyConfiguration"]["StepAdjustments"]
    assert steps[0]["MetricIntervalLowerBound"] == 0
    assert [step["MetricIntervalUpperBound"] for step in steps[:-1]] == [
        step["MetricIntervalLowerBound"] for step in steps[1:]
    ]
    assert "MetricIntervalUpperBound" not in steps[-1]
    assert all(step["ScalingAdjustment"] > 0 for step in steps)
    alarm = chosen.properties("ScalingLagAlarm")
    assert alarm["AlarmActions"] == ["LagScaling"]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["MetricName"] == "ScalingLagSeconds"  # which rests while the table throttles
    tracking = chosen.properties("CpuScaling")["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] <= 70
    assert tracking["ScaleInCooldown"] > tracking["ScaleOutCooldown"]


def test_the_lag_is_this_applications_and_not_of_whoever_reads_the_stream() -> None:
    chosen = stack(ApplicationName="second")
    own = [
        metric
        for name in chosen.resources("AWS::CloudWatch::Alarm")
        for metric in metrics(chosen.properties(name))
        if metric["Namespace"] == NAMESPACE
    ]
    assert len(own) >= 10
    assert all(metric["Dimensions"] == [{"Name": "Application", "Value": "second"}] for metric in own)
    names = [each["MetricName"] for each in alarms(chosen).values() if "MetricName" in each]
    assert not [name for name in names if "IteratorAge" in name or "MillisBehind" in name]


def test_alarms_ask_for_metrics_that_the_worker_publishes() -> None:
    asked = {
        metric["MetricName"]
        for name in stack().resources("AWS::CloudWatch::Alarm")
        for metric in metrics(stack().properties(name))
        if metric["Namespace"] == NAMESPACE
    }
    assert asked <= set(cloudwatch.PUBLISHED)


def test_somebody_is_woken_long_before_records_are_lost() -> None:
    chosen = stack()
    told = chosen.properties("LagWarning")
    woken = chosen.properties("LagAlarm")
    assert told["Threshold"] < woken["Threshold"] <= 3600
    assert chosen.properties("RetentionAlarm")["Threshold"] == 50
    nobody = chosen.properties("NoWorkerAlarm")
    assert nobody["TreatMissingData"] == "breaching"
    assert (nobody["ComparisonOperator"], nobody["Threshold"]) == ("LessThanThreshold", 1)


def test_quarantine_is_told_by_its_share() -> None:
    for name, share in (("QuarantineWarning", 1), ("QuarantineAlarm", 20)):
        alarm = stack().properties(name)
        assert evaluate(alarm, quarantined=share, received=100) == alarm["Threshold"]
        assert evaluate(alarm, quarantined=0, received=0) == 0


def test_a_missing_task_is_told() -> None:
    alarm = stack().properties("RunningTasksAlarm")
    assert evaluate(alarm, wanted=3, running=2) > alarm["Threshold"]
    assert evaluate(alarm, wanted=3, running=3) <= alarm["Threshold"]
    assert evaluate(alarm, wanted=3, running=6) <= alarm["Threshold"]  # a deployment
    for metric in metrics(alarm):
        assert {each["Name"]: each["Value"] for each in metric["Dimensions"]} == {
            "ClusterName": "Cluster",
            "ServiceName": "Service",
        }
    assert stack().properties("Cluster")["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enabled"}]


def test_writes_are_watched_by_whichever_call_the_mode_makes() -> None:
    alarm = stack().properties("TableErrorsAlarm")
    calls = [{each["Name"]: each["Value"] for each in metric["Dimensions"]} for metric in metrics(alarm)]
    table = stack().properties("OutputTable")["TableName"]
    assert calls == [{"TableName": table, "Operation": call} for call in ("BatchWriteItem", "PutItem")]
    assert evaluate(alarm, batches=0, puts=1) > alarm["Threshold"]
    assert stack().properties("WriteThrottleWarning")["Dimensions"] == [{"Name": "TableName", "Value": table}]


def test_alarms_reach_their_topic() -> None:
    warnings = EVERYTHING["WarningTopicArn"]
    for name, properties in alarms(stack(WarningTopicArn=warnings)).items():
        assert name.endswith(("Alarm", "Warning"))
        topic = TOPIC if name.endswith("Alarm") else warnings
        assert properties["AlarmActions"] == properties["OKActions"] == [topic], name
    assert {action for each in alarms(stack()).values() for action in each["AlarmActions"]} == {TOPIC}
    for rule in stack().resources("AWS::Events::Rule"):
        assert [target["Arn"] for target in stack().properties(rule)["Targets"]] == [TOPIC]


def test_alarms_say_what_missing_data_means_and_where_to_read_on() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    for name, properties in alarms(stack()).items():
        assert properties["TreatMissingData"] in ("breaching", "notBreaching")
        assert properties["AlarmDescription"].strip().endswith(".")
        assert properties["EvaluationPeriods"] >= 2 or properties["Threshold"] == 0, name  # one is one too many
        for section in re.findall(r"Runbook: (\w+)", properties["AlarmDescription"]):
            assert f"## {section}\n" in runbook, section


def test_an_alarm_that_fills_in_does_not_want_every_minute() -> None:
    """CloudWatch fills in the newest minute, too, whose data is late: an alarm that wants each of them never rings."""
    filled = {name: each for name, each in alarms(stack()).items() if "FILL(" in json.dumps(each)}
    assert filled
    for name, each in filled.items():
        assert each["EvaluationPeriods"] - each["DatapointsToAlarm"] >= 2, name


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether EventBridge, as moto has it, would pass this event on."""
    return EventPattern.load(json.dumps(pattern)).matches_event(event)


def stopped(group: str = "service:Service", **detail: Any) -> dict[str, Any]:
    """Return ECS's event for a task that has stopped."""
    event = {"source": "aws.ecs", "detail-type": "ECS Task State Change"}
    return {**event, "detail": {"group": group, "lastStatus": "STOPPED", **detail}}


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (stopped(stopCode="EssentialContainerExited", stoppedReason="Essential container in task exited"), True),
        (stopped(stopCode="TaskFailedToStart", stoppedReason="CannotPullContainerError"), True),
        (stopped(stopCode="ServiceSchedulerInitiated", stoppedReason="Task failed container health checks"), True),
        (
            stopped(stopCode="ServiceSchedulerInitiated", stoppedReason="Scaling activity initiated by deployment"),
            False,
        ),
        (stopped(stopCode="SpotInterruption", stoppedReason="Your Spot Task was interrupted."), False),
        (stopped("service:other", stopCode="EssentialContainerExited", stoppedReason="-"), False),
        (stopped(lastStatus="RUNNING", stopCode="EssentialContainerExited", stoppedReason="-"), False),
    ],
)
def test_a_task_that_failed_is_told_and_one_that_was_stopped_is_not(event: dict[str, Any], told: bool) -> None:  # noqa: FBT001
    pattern = stack().properties("TaskEvents")["EventPattern"]
    assert matches(pattern, event) is told


@pytest.mark.parametrize(
    ("kind", "event_type", "told"),
    [
        ("ECS Deployment State Change", "ERROR", True),  # SERVICE_DEPLOYMENT_FAILED
        ("ECS Service Action", "WARN", True),  # SERVICE_TASK_START_IMPAIRED
        ("ECS Deployment State Change", "INFO", False),
    ],
)
def test_a_deployment_that_failed_is_told(kind: str, event_type: str, told: bool) -> None:  # noqa: FBT001
    pattern = stack().properties("ServiceEvents")["EventPattern"]
    event = {
        "source": "aws.ecs",
        "detail-type": kind,
        "resources": [arn("ecs", "service/cluster/Service")],
        "detail": {"eventType": event_type},
    }
    assert matches(pattern, event) is told
