"""The service: how it is deployed and scaled, who reaches it, and who is told when something is wrong."""

import json
import re
from typing import Any

import pytest
from moto.events.models import EventPattern

from consumer.settings import Settings
from tests.deploy.template import EVERYTHING, FOREIGN, SIZES, Stack, size_file, stack

TOPIC = EVERYTHING["AlarmTopicArn"]


def alarms(chosen: Stack) -> dict[str, dict[str, Any]]:
    """Return the alarms for people, without the one that scales."""
    names = chosen.resources("AWS::CloudWatch::Alarm")
    return {name: chosen.properties(name) for name in names if name != "AgeScalingAlarm"}


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that an alarm reads."""
    queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    return queries or [alarm]


def evaluate(alarm: dict[str, Any], **values: float) -> float:
    """Return what an alarm's expression is for these values of its metrics."""
    (expression,) = (query["Expression"] for query in alarm["Metrics"] if "Expression" in query)
    return float(eval(expression, {"__builtins__": {}}, values))  # noqa: S307 - the template's arithmetic


def test_new_tasks_come_before_old_ones_go_and_a_bad_deployment_goes_back() -> None:
    deployment = stack().properties("Service")["DeploymentConfiguration"]
    assert deployment["MinimumHealthyPercent"] == 100
    assert deployment["MaximumPercent"] == 200
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}


def test_an_update_leaves_the_number_of_tasks_alone() -> None:
    assert "DesiredCount" not in stack().properties("Service")


def test_service_waits_for_what_the_worker_refuses_to_start_without() -> None:
    service = stack().document["Resources"]["Service"]
    referred = json.dumps(stack().document["Resources"]["TaskDefinition"])
    for name in stack().resources("AWS::DynamoDB::Table"):
        assert name in service["DependsOn"] or f'{{"Ref": "{name}"}}' in referred


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
    assert not stack().resources("AWS::EC2::SecurityGroupIngress")
    ingress = stack(**EVERYTHING).properties("ScraperIngress")
    assert ingress["SourceSecurityGroupId"] == EVERYTHING["ScraperSecurityGroupId"]
    assert ingress["FromPort"] == ingress["ToPort"] == Settings().http.port
    assert "CidrIp" not in ingress


def test_ec2_takes_the_descriptions() -> None:
    chosen = stack(**EVERYTHING)
    group, ingress = chosen.properties("SecurityGroup"), chosen.properties("ScraperIngress")
    for text in (group["GroupDescription"], group["SecurityGroupEgress"][0]["Description"], ingress["Description"]):
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
    steps = chosen.properties("AgeScaling")["StepScalingPolicyConfiguration"]["StepAdjustments"]
    assert steps[0]["MetricIntervalLowerBound"] == 0
    assert [step["MetricIntervalUpperBound"] for step in steps[:-1]] == [
        step["MetricIntervalLowerBound"] for step in steps[1:]
    ]
    assert "MetricIntervalUpperBound" not in steps[-1]
    assert all(step["ScalingAdjustment"] > 0 for step in steps)
    assert chosen.properties("AgeScalingAlarm")["AlarmActions"] == ["AgeScaling"]
    assert chosen.properties("AgeScalingAlarm")["TreatMissingData"] == "notBreaching"
    tracking = chosen.properties("CpuScaling")["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] <= 70
    assert tracking["ScaleInCooldown"] > tracking["ScaleOutCooldown"]


@pytest.mark.parametrize("name", ["AgeScalingAlarm", "IteratorAgeAlarm", "RetentionAlarm"])
def test_age_is_of_the_way_in_which_the_stream_is_read(name: str) -> None:
    (polling,) = metrics(stack(**FOREIGN, StreamName="theirs").properties(name))
    assert polling["MetricName"] == "GetRecords.IteratorAgeMilliseconds"
    assert polling["Dimensions"] == [{"Name": "StreamName", "Value": "theirs"}]
    (fan_out,) = metrics(stack(**EVERYTHING).properties(name))
    assert fan_out["MetricName"] == "SubscribeToShardEvent.MillisBehindLatest"
    consumer = stack(**EVERYTHING).properties("Consumer")["ConsumerName"]
    assert {"Name": "ConsumerName", "Value": consumer} in fan_out["Dimensions"]


def test_somebody_is_told_before_records_are_lost() -> None:
    alarm = stack(RetentionHours="48").properties("RetentionAlarm")
    assert evaluate(alarm, age=24 * 3600 * 1000) == alarm["Threshold"]
    late = stack(IteratorAgeAlarmSeconds="90").properties("IteratorAgeAlarm")
    assert evaluate(late, age=90_000) == float(late["Threshold"])
    assert late["TreatMissingData"] == "breaching"  # nobody reads


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


def test_writes_are_watched_by_the_call_that_the_mode_makes() -> None:
    for mode, operation in (("put", "BatchWriteItem"), ("newest", "PutItem")):
        chosen = stack(WriteMode=mode)
        dimensions = chosen.properties("TableErrorsAlarm")["Dimensions"]
        table = {"Name": "TableName", "Value": chosen.properties("OutputTable")["TableName"]}
        assert dimensions == [table, {"Name": "Operation", "Value": operation}]
        assert chosen.properties("WriteThrottleAlarm")["Dimensions"] == [table]


def test_throttled_reads_are_a_matter_of_polling() -> None:
    assert "ReadThrottleAlarm" in alarms(stack())
    assert "ReadThrottleAlarm" not in alarms(stack(**EVERYTHING))


def test_alarms_reach_the_topic_if_there_is_one() -> None:
    for properties in alarms(stack(AlarmTopicArn=TOPIC)).values():
        assert properties["AlarmActions"] == properties["OKActions"] == [TOPIC]
    for properties in alarms(stack()).values():
        assert "AlarmActions" not in properties
    assert not stack().resources("AWS::Events::Rule")
    for rule in stack(AlarmTopicArn=TOPIC).resources("AWS::Events::Rule"):
        assert [target["Arn"] for target in stack(AlarmTopicArn=TOPIC).properties(rule)["Targets"]] == [TOPIC]


def test_alarms_judge_more_than_a_minute_and_say_what_missing_data_means() -> None:
    for properties in alarms(stack()).values():
        assert properties["EvaluationPeriods"] >= 2
        assert properties["TreatMissingData"] in ("breaching", "notBreaching")
        assert properties["AlarmDescription"].endswith(".")


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
    pattern = stack(AlarmTopicArn=TOPIC).properties("TaskEvents")["EventPattern"]
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
    pattern = stack(AlarmTopicArn=TOPIC).properties("ServiceEvents")["EventPattern"]
    event = {"source": "aws.ecs", "detail-type": kind, "resources": ["Service"], "detail": {"eventType": event_type}}
    assert matches(pattern, event) is told
