"""Terraform's resources as CloudFormation would write them: for each type a function from arguments to properties.

An argument that no function here takes stays behind, and is reported: nothing is compared by half.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

Arguments = dict[str, Any]
Properties = dict[str, Any]

_KEEP_KEYS: Final = ("DockerLabels", "Options")

_IGNORED: Final[Mapping[str, frozenset[str]]] = {
    # A name where CloudFormation would find one of its own.
    "aws_cloudwatch_event_rule": frozenset({"name"}),
    "aws_cloudwatch_log_group": frozenset({"name_prefix"}),
    "aws_cloudwatch_metric_alarm": frozenset({"alarm_name"}),
    "aws_iam_policy": frozenset({"name"}),
    "aws_iam_role": frozenset({"name_prefix"}),
    "aws_secretsmanager_secret": frozenset({"name_prefix"}),
    "aws_security_group": frozenset({"name_prefix"}),
    # What CloudFormation does by itself: it waits, for three hours, lets the scaling count, rolls back.
    "aws_ecs_service": frozenset({"name", "desired_count", "timeouts", "wait_for_steady_state"}),
    "aws_ecs_task_definition": frozenset({"skip_destroy"}),
}


class Args:
    """Arguments, each of which is to be taken."""

    def __init__(self, type_: str, written: Arguments) -> None:
        self._left = {name: value for name, value in written.items() if name not in _IGNORED.get(type_, ())}
        self._type = type_

    def __call__(self, name: str) -> Any:
        return self._left.pop(name, None)

    def block(self, name: str) -> "Args | None":
        """Return the only block of that name."""
        found = self._left.pop(name, [])
        if len(found) > 1:
            raise ValueError(f"{self._type}: {len(found)} blocks {name}")
        return Args(f"{self._type}.{name}", found[0]) if found else None

    def blocks(self, name: str) -> list["Args"]:
        return [Args(f"{self._type}.{name}", each) for each in self._left.pop(name, [])]

    def end(self) -> None:
        if self._left:
            raise ValueError(f"{self._type}: nothing compares {sorted(self._left)}")


def properties(type_: str, written: Arguments) -> Properties:
    """Return what CloudFormation would call them.

    :raises ValueError: an argument is not known here.
    """
    arguments = Args(type_, written)
    found = _TYPES[type_](arguments)
    arguments.end()
    return found


def _taken(block: Args | None, names: Mapping[str, str]) -> Properties | None:
    if block is None:
        return None
    found = {to: block(name) for name, to in names.items()}
    block.end()
    return found


def pascal(value: Any) -> Any:
    """Return a JSON value whose keys begin with a capital, but for those that users chose."""
    if isinstance(value, list):
        return [pascal(each) for each in value]
    if isinstance(value, dict):
        found = {f"{key[0].upper()}{key[1:]}": each for key, each in value.items()}
        return {key: each if key in _KEEP_KEYS else pascal(each) for key, each in found.items()}
    return value


def _key(a: Args) -> Properties:
    return {
        "Description": a("description"),
        "EnableKeyRotation": a("enable_key_rotation"),
        "PendingWindowInDays": a("deletion_window_in_days"),
        "KeyPolicy": a("policy"),
    }


def _stream(a: Args) -> Properties:
    return {
        "Name": a("name"),
        "StreamModeDetails": _taken(a.block("stream_mode_details"), {"stream_mode": "StreamMode"}),
        "ShardCount": a("shard_count"),
        "RetentionPeriodHours": a("retention_period"),
        "StreamEncryption": {"EncryptionType": a("encryption_type"), "KeyId": a("kms_key_id")},
    }


_WARM: Final = {"read_units_per_second": "ReadUnitsPerSecond", "write_units_per_second": "WriteUnitsPerSecond"}


def _keys(a: Args) -> list[Properties]:
    found = [("HASH", a("hash_key")), ("RANGE", a("range_key"))]
    return [{"AttributeName": name, "KeyType": kind} for kind, name in found if name]


def _throughput(a: Args) -> Properties | None:
    read, write = a("read_capacity"), a("write_capacity")
    return {"ReadCapacityUnits": read, "WriteCapacityUnits": write} if read else None


def _index(a: Args) -> Properties:
    found = {
        "IndexName": a("name"),
        "KeySchema": _keys(a),
        "Projection": {"ProjectionType": a("projection_type")},
        "ProvisionedThroughput": _throughput(a),
        "WarmThroughput": _taken(a.block("warm_throughput"), _WARM),
    }
    a.end()
    return found


def _table(a: Args) -> Properties:
    sse = a.block("server_side_encryption")
    return {
        "TableName": a("name"),
        "KeySchema": _keys(a),
        "AttributeDefinitions": [
            _taken(each, {"name": "AttributeName", "type": "AttributeType"}) for each in a.blocks("attribute")
        ],
        "GlobalSecondaryIndexes": [_index(each) for each in a.blocks("global_secondary_index")] or None,
        "BillingMode": a("billing_mode"),
        "ProvisionedThroughput": _throughput(a),
        "OnDemandThroughput": _taken(
            a.block("on_demand_throughput"), {"max_write_request_units": "MaxWriteRequestUnits"}
        ),
        "WarmThroughput": _taken(a.block("warm_throughput"), _WARM),
        "PointInTimeRecoverySpecification": _taken(
            a.block("point_in_time_recovery"), {"enabled": "PointInTimeRecoveryEnabled"}
        ),
        "TimeToLiveSpecification": _taken(a.block("ttl"), {"attribute_name": "AttributeName", "enabled": "Enabled"}),
        "DeletionProtectionEnabled": a("deletion_protection_enabled"),
        "SSESpecification": (_taken(sse, {"enabled": "SSEEnabled", "kms_key_arn": "KMSMasterKeyId"}) or {})
        | {"SSEType": "KMS"},
    }


def _scalable(a: Args) -> Properties:
    return {
        "ServiceNamespace": a("service_namespace"),
        "ScalableDimension": a("scalable_dimension"),
        "ResourceId": a("resource_id"),
        "MinCapacity": a("min_capacity"),
        "MaxCapacity": a("max_capacity"),
    }


def _scaling(a: Args) -> Properties:
    tracking, steps = (
        a.block("target_tracking_scaling_policy_configuration"),
        a.block("step_scaling_policy_configuration"),
    )
    found: Properties = {
        "PolicyName": a("name"),
        "PolicyType": a("policy_type"),
        "ScalingTargetId": "|".join([a("service_namespace"), a("scalable_dimension"), a("resource_id")]),
    }
    if tracking:
        found["TargetTrackingScalingPolicyConfiguration"] = {
            "PredefinedMetricSpecification": _taken(
                tracking.block("predefined_metric_specification"), {"predefined_metric_type": "PredefinedMetricType"}
            ),
            "TargetValue": tracking("target_value"),
            "ScaleOutCooldown": tracking("scale_out_cooldown"),
            "ScaleInCooldown": tracking("scale_in_cooldown"),
        }
        tracking.end()
    if steps:
        bounds = {
            "metric_interval_lower_bound": "MetricIntervalLowerBound",
            "metric_interval_upper_bound": "MetricIntervalUpperBound",
            "scaling_adjustment": "ScalingAdjustment",
        }
        found["StepScalingPolicyConfiguration"] = {
            "AdjustmentType": steps("adjustment_type"),
            "MinAdjustmentMagnitude": steps("min_adjustment_magnitude"),
            "MetricAggregationType": steps("metric_aggregation_type"),
            "Cooldown": steps("cooldown"),
            "StepAdjustments": [_taken(each, bounds) for each in steps.blocks("step_adjustment")],
        }
        steps.end()
    return found


def _secret(a: Args) -> Properties:
    return {"Description": a("description"), "KmsKeyId": a("kms_key_id")}


def _log_group(a: Args) -> Properties:
    return {
        "LogGroupName": a("name"),
        "RetentionInDays": a("retention_in_days"),
        "KmsKeyId": a("kms_key_id"),
    }


def _consumer(a: Args) -> Properties:
    return {"ConsumerName": a("name"), "StreamARN": a("stream_arn")}


def _role(a: Args) -> Properties:
    path = a("path")
    return {
        "Path": None if path == "/" else path,  # what AWS takes where nothing is said, as the template does
        "PermissionsBoundary": a("permissions_boundary"),
        "AssumeRolePolicyDocument": a("assume_role_policy"),
    }


def _role_policy(a: Args) -> Properties:
    a("role")
    return {"Policies": [{"PolicyName": a("name"), "PolicyDocument": a("policy")}]}


def _attachment(a: Args) -> Properties:
    a("role")
    return {"ManagedPolicyArns": [a("policy_arn")]}


def _policy(a: Args) -> Properties:
    return {"Path": a("path"), "Description": a("description"), "PolicyDocument": a("policy")}


def _security_group(a: Args) -> Properties:
    return {"GroupDescription": a("description"), "VpcId": a("vpc_id")}


def _rule(a: Args, other: str) -> Properties:
    return {
        "GroupId": a("security_group_id"),
        "Description": a("description"),
        "IpProtocol": a("ip_protocol"),
        "FromPort": a("from_port"),
        "ToPort": a("to_port"),
        f"{other}SecurityGroupId": a("referenced_security_group_id"),
        f"{other}PrefixListId": a("prefix_list_id"),
        "CidrIp": a("cidr_ipv4"),
    }


def _secret_version(a: Args) -> Properties:
    a("secret_id")
    if a("secret_string_wo_version") != 1:
        raise ValueError("a secret written again")
    password = Args("aws_secretsmanager_random_password", a("secret_string_wo"))
    names = {"password_length": "PasswordLength", "exclude_punctuation": "ExcludePunctuation"}
    return {"GenerateSecretString": _taken(password, names)}


def _cluster(a: Args) -> Properties:
    settings = [_taken(each, {"name": "Name", "value": "Value"}) for each in a.blocks("setting")]
    return {"ClusterName": a("name"), "ClusterSettings": settings}


def _providers(a: Args) -> Properties:
    a("cluster_name")
    return {"CapacityProviders": a("capacity_providers")}


def _task(a: Args) -> Properties:
    containers = pascal(json.loads(a("container_definitions")))
    for each in containers:
        for port in each.get("PortMappings", ()):
            del port["HostPort"]  # of awsvpc the container's; without it each plan would have a difference
    return {
        "Family": a("family"),
        "RequiresCompatibilities": a("requires_compatibilities"),
        "NetworkMode": a("network_mode"),
        "RuntimePlatform": _taken(
            a.block("runtime_platform"),
            {"cpu_architecture": "CpuArchitecture", "operating_system_family": "OperatingSystemFamily"},
        ),
        "Cpu": a("cpu"),
        "Memory": a("memory"),
        "ExecutionRoleArn": a("execution_role_arn"),
        "TaskRoleArn": a("task_role_arn"),
        "Volumes": [_taken(each, {"name": "Name"}) for each in a.blocks("volume")],
        "ContainerDefinitions": containers,
    }


def _service(a: Args) -> Properties:
    network = _taken(
        a.block("network_configuration"),
        {"assign_public_ip": "AssignPublicIp", "security_groups": "SecurityGroups", "subnets": "Subnets"},
    )
    assert network is not None
    network["AssignPublicIp"] = "ENABLED" if network["AssignPublicIp"] else "DISABLED"
    provider = {"capacity_provider": "CapacityProvider", "base": "Base", "weight": "Weight"}
    return {
        "Cluster": a("cluster").removeprefix("arn:aws:ecs:us-east-1:123456789012:cluster/"),
        "TaskDefinition": a("task_definition"),
        "CapacityProviderStrategy": [_taken(each, provider) for each in a.blocks("capacity_provider_strategy")],
        "DeploymentConfiguration": {
            "MinimumHealthyPercent": a("deployment_minimum_healthy_percent"),
            "MaximumPercent": a("deployment_maximum_percent"),
            "DeploymentCircuitBreaker": _taken(
                a.block("deployment_circuit_breaker"), {"enable": "Enable", "rollback": "Rollback"}
            ),
            "Alarms": _taken(
                a.block("alarms"), {"enable": "Enable", "rollback": "Rollback", "alarm_names": "AlarmNames"}
            ),
        },
        "ForceNewDeployment": {"EnableForceNewDeployment": a("force_new_deployment")},
        "AvailabilityZoneRebalancing": a("availability_zone_rebalancing"),
        "NetworkConfiguration": {"AwsvpcConfiguration": network},
        "EnableExecuteCommand": a("enable_execute_command"),
        "EnableECSManagedTags": a("enable_ecs_managed_tags"),
        "PropagateTags": a("propagate_tags"),
    }


def _dimensions(written: Mapping[str, Any] | None) -> list[Properties] | None:
    return None if written is None else [{"Name": name, "Value": value} for name, value in sorted(written.items())]


def _query(a: Args) -> Properties:
    found: Properties = {"Id": a("id"), "Expression": a("expression")}
    metric = a.block("metric")
    if metric:
        found["MetricStat"] = {
            "Metric": {
                "Namespace": metric("namespace"),
                "MetricName": metric("metric_name"),
                "Dimensions": _dimensions(metric("dimensions")),
            },
            "Period": metric("period"),
            "Stat": metric("stat"),
        }
        metric.end()
    found["ReturnData"] = None if (returned := a("return_data")) else returned  # true is CloudFormation's default
    a.end()
    return found


def _alarm(a: Args) -> Properties:
    return {
        "AlarmDescription": a("alarm_description"),
        "Namespace": a("namespace"),
        "MetricName": a("metric_name"),
        "Dimensions": _dimensions(a("dimensions")),
        "Statistic": a("statistic"),
        "Period": a("period"),
        "Metrics": [_query(each) for each in a.blocks("metric_query")] or None,
        "EvaluationPeriods": a("evaluation_periods"),
        "DatapointsToAlarm": a("datapoints_to_alarm"),
        "Threshold": a("threshold"),
        "ComparisonOperator": a("comparison_operator"),
        "TreatMissingData": a("treat_missing_data"),
        "AlarmActions": a("alarm_actions"),
        "OKActions": a("ok_actions"),
    }


def _event_rule(a: Args) -> Properties:
    return {"Description": a("description"), "EventPattern": json.loads(a("event_pattern"))}


def _event_target(a: Args) -> Properties:
    a("rule")
    return {"Targets": [{"Id": a("target_id"), "Arn": a("arn")}]}


def _vpc(a: Args) -> Properties:
    return {
        "CidrBlock": a("cidr_block"),
        "EnableDnsHostnames": a("enable_dns_hostnames"),
        "EnableDnsSupport": a("enable_dns_support"),
    }


def _subnet(a: Args) -> Properties:
    return {"VpcId": a("vpc_id"), "AvailabilityZone": a("availability_zone"), "CidrBlock": a("cidr_block")}


def _route_table(a: Args) -> Properties:
    return {"VpcId": a("vpc_id")}


def _association(a: Args) -> Properties:
    return {"SubnetId": a("subnet_id"), "RouteTableId": a("route_table_id")}


def _endpoint(a: Args) -> Properties:
    return {
        "VpcId": a("vpc_id"),
        "VpcEndpointType": a("vpc_endpoint_type"),
        "ServiceName": a("service_name"),
        "RouteTableIds": a("route_table_ids"),
        "PrivateDnsEnabled": a("private_dns_enabled"),
        "SecurityGroupIds": a("security_group_ids"),
        "SubnetIds": a("subnet_ids"),
    }


def _flow_log(a: Args) -> Properties:
    if a("log_destination_type") != "cloud-watch-logs":
        raise ValueError("a flow log elsewhere")
    return {
        "ResourceId": a("vpc_id"),
        "ResourceType": "VPC",
        "TrafficType": a("traffic_type"),
        "LogGroupName": a("log_destination").rsplit(":", 1)[1],
        "DeliverLogsPermissionArn": a("iam_role_arn"),
    }


_TYPES: Final[Mapping[str, Callable[[Args], Properties]]] = {
    "aws_appautoscaling_policy": _scaling,
    "aws_appautoscaling_target": _scalable,
    "aws_cloudwatch_event_rule": _event_rule,
    "aws_cloudwatch_event_target": _event_target,
    "aws_cloudwatch_log_group": _log_group,
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_dynamodb_table": _table,
    "aws_ecs_cluster": _cluster,
    "aws_ecs_cluster_capacity_providers": _providers,
    "aws_ecs_service": _service,
    "aws_ecs_task_definition": _task,
    "aws_flow_log": _flow_log,
    "aws_iam_policy": _policy,
    "aws_iam_role": _role,
    "aws_iam_role_policy": _role_policy,
    "aws_iam_role_policy_attachment": _attachment,
    "aws_kinesis_stream": _stream,
    "aws_kinesis_stream_consumer": _consumer,
    "aws_kms_key": _key,
    "aws_route_table": _route_table,
    "aws_route_table_association": _association,
    "aws_secretsmanager_secret": _secret,
    "aws_secretsmanager_secret_version": _secret_version,
    "aws_security_group": _security_group,
    "aws_subnet": _subnet,
    "aws_vpc": _vpc,
    "aws_vpc_endpoint": _endpoint,
    "aws_vpc_security_group_egress_rule": lambda a: _rule(a, "Destination"),
    "aws_vpc_security_group_ingress_rule": lambda a: _rule(a, "Source"),
}
