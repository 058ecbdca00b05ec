"""What stands for what: templates and modules, resources by logical id and address, parameters and variables."""

import re
from collections.abc import Mapping
from typing import Any, Final

from lark import Tree

from tests.deploy.hcl import parts
from tests.deploy.iam_template import REGION, Unresolved
from tests.deploy.template import GIVEN, STACKS, Stack, declared, divided, file
from tests.deploy.terraform import HERE, Block, Module

MODULES: Final = (*STACKS, "network")
"""The templates, and the modules of the same names, in the order in which they are made."""

_TABLES: Final = ("output", "quarantine", "lease", "worker_metrics", "coordinator")
_ALARMS: Final = {
    "simple": {
        "NoWorkerAlarm": "no-worker",
        "LagAlarm": "lag",
        "LagWarning": "lag-warning",
        "ShardWithoutOwnerAlarm": "shard-without-owner",
        "RetentionAlarm": "retention",
        "FieldDriftAlarm": "field-drift",
        "LeakSuspectedWarning": "leak-suspected",
        "WriteThrottleWarning": "write-throttle",
        "ReadThrottleWarning": "read-throttle",
        "ProducersRefusedWarning": "producers-refused",
        "MemoryWarning": "memory",
    },
    "computed": {
        "QuarantineAlarm": "quarantine",
        "QuarantineWarning": "quarantine-warning",
        "TableErrorsAlarm": "table-errors",
        "LeaseThrottleWarning": "lease-throttle",
        "RunningTasksAlarm": "running-tasks",
    },
}
_ENDPOINTS: Final = {
    "Kinesis": "kinesis-streams",
    "Logs": "logs",
    "EcrApi": "ecr.api",
    "EcrDocker": "ecr.dkr",
    "SecretsManager": "secretsmanager",
    "Prometheus": "aps-workspaces",
    "Glue": "glue",
    "Kms": "kms",
}
_SCALING: Final = {"OutputWrites": "outputwrites", "OutputReads": "outputreads"} | {
    "IndexWrites": "indexwrites",
    "IndexReads": "indexreads",
}

COUNTERPARTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "data": {
        "Key": ("aws_kms_key.this[0]",),
        "Stream": ("aws_kinesis_stream.this[0]",),
        **{f"{name.title().replace('_', '')}Table": (f"aws_dynamodb_table.{name}[0]",) for name in _TABLES},
        **{name: (f'aws_appautoscaling_target.output["{key}"]',) for name, key in _SCALING.items()},
        **{f"{name}Scaling": (f'aws_appautoscaling_policy.output["{key}"]',) for name, key in _SCALING.items()},
        "FingerprintSecret": (
            "aws_secretsmanager_secret.fingerprint[0]",
            "aws_secretsmanager_secret_version.fingerprint[0]",
        ),
        "LogGroup": ("aws_cloudwatch_log_group.this[0]",),
    },
    "service": {
        "Consumer": ("aws_kinesis_stream_consumer.this[0]",),
        "ExecutionRole": ("aws_iam_role.execution", "aws_iam_role_policy.execution"),
        "TaskRole": (
            "aws_iam_role.task",
            "aws_iam_role_policy.task",
            "aws_iam_role_policy_attachment.task[0]",
            "aws_iam_role_policy_attachment.task[1]",
        ),
        "SecurityGroup": (
            "aws_security_group.tasks",
            "aws_vpc_security_group_egress_rule.endpoints[0]",
            "aws_vpc_security_group_egress_rule.dynamodb[0]",
            "aws_vpc_security_group_egress_rule.s3[0]",
            "aws_vpc_security_group_egress_rule.everywhere[0]",
        ),
        "ScraperIngress": ("aws_vpc_security_group_ingress_rule.scraper[0]",),
        "Cluster": ("aws_ecs_cluster.this[0]", "aws_ecs_cluster_capacity_providers.this[0]"),
        "TaskDefinition": ("aws_ecs_task_definition.this",),
        "Service": ("aws_ecs_service.this",),
        "ScalableTarget": ("aws_appautoscaling_target.tasks",),
        "CpuScaling": ("aws_appautoscaling_policy.cpu",),
        "LagScaling": ("aws_appautoscaling_policy.lag",),
        "ScalingLagAlarm": ("aws_cloudwatch_metric_alarm.scaling_lag",),
        "RolloutQuarantineAlarm": ("aws_cloudwatch_metric_alarm.rollout_quarantine",),
        "RolloutLagAlarm": ("aws_cloudwatch_metric_alarm.rollout_lag",),
    },
    "operators": {
        "LookPolicy": ("aws_iam_policy.look",),
        "RepairPolicy": ("aws_iam_policy.repair",),
        "IncidentPolicy": ("aws_iam_policy.incident",),
    },
    "alarms": {
        **{
            name: (f'aws_cloudwatch_metric_alarm.{kind}["{key}"]',)
            for kind, alarms in _ALARMS.items()
            for name, key in alarms.items()
        },
        "ServiceEvents": ("aws_cloudwatch_event_rule.service", "aws_cloudwatch_event_target.service"),
        "TaskEvents": ("aws_cloudwatch_event_rule.tasks", "aws_cloudwatch_event_target.tasks"),
    },
    "network": {
        "Vpc": ("aws_vpc.this",),
        "SubnetA": ('aws_subnet.this["a"]',),
        "SubnetARoutes": ('aws_route_table_association.this["a"]',),
        "SubnetB": ('aws_subnet.this["b"]',),
        "SubnetBRoutes": ('aws_route_table_association.this["b"]',),
        "Routes": ("aws_route_table.this",),
        "DynamoDb": ('aws_vpc_endpoint.gateway["dynamodb"]',),
        "S3": ('aws_vpc_endpoint.gateway["s3"]',),
        "EndpointGroup": ("aws_security_group.endpoints", "aws_vpc_security_group_ingress_rule.endpoints"),
        **{name: (f'aws_vpc_endpoint.interface["{key}"]',) for name, key in _ENDPOINTS.items()},
        "FlowLogs": ("aws_cloudwatch_log_group.flow",),
        "FlowLogRole": ("aws_iam_role.flow", "aws_iam_role_policy.flow"),
        "FlowLog": ("aws_flow_log.this",),
    },
}
"""By template, for each resource: its counterpart, then what Terraform has apart from it."""

TYPES: Final[Mapping[str, str]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "aws_appautoscaling_target",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "aws_appautoscaling_policy",
    "AWS::CloudWatch::Alarm": "aws_cloudwatch_metric_alarm",
    "AWS::DynamoDB::Table": "aws_dynamodb_table",
    "AWS::EC2::FlowLog": "aws_flow_log",
    "AWS::EC2::RouteTable": "aws_route_table",
    "AWS::EC2::SecurityGroup": "aws_security_group",
    "AWS::EC2::SecurityGroupIngress": "aws_vpc_security_group_ingress_rule",
    "AWS::EC2::Subnet": "aws_subnet",
    "AWS::EC2::SubnetRouteTableAssociation": "aws_route_table_association",
    "AWS::EC2::VPC": "aws_vpc",
    "AWS::EC2::VPCEndpoint": "aws_vpc_endpoint",
    "AWS::ECS::Cluster": "aws_ecs_cluster",
    "AWS::ECS::Service": "aws_ecs_service",
    "AWS::ECS::TaskDefinition": "aws_ecs_task_definition",
    "AWS::Events::Rule": "aws_cloudwatch_event_rule",
    "AWS::IAM::ManagedPolicy": "aws_iam_policy",
    "AWS::IAM::Role": "aws_iam_role",
    "AWS::KMS::Key": "aws_kms_key",
    "AWS::Kinesis::Stream": "aws_kinesis_stream",
    "AWS::Kinesis::StreamConsumer": "aws_kinesis_stream_consumer",
    "AWS::Logs::LogGroup": "aws_cloudwatch_log_group",
    "AWS::SecretsManager::Secret": "aws_secretsmanager_secret",
}

_ENDPOINT_OF: Final = {
    "EndpointSecurityGroupId": "security_group_id",
    "DynamoDbPrefixListId": "dynamodb_prefix_list_id",
    "S3PrefixListId": "s3_prefix_list_id",
}
APART: Final = {*_ENDPOINT_OF, "DataStack", "ServiceStack"}
"""Parameters whose variables are objects: `endpoints`, `data`, `service`."""


class Said(Stack):
    """A template, the network's among them, and what AWS says of its resources."""

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Fn::Select":
                number, values = argument
                return self.resolve(values)[int(number)]
            case "Fn::GetAZs":
                return [f"{REGION}{zone}" for zone in "abc"]
            case "Fn::Cidr":
                return divided(*self.resolve(argument))
        return super()._call(function, argument)

    def says(self, logical_id: str, attribute: str) -> str:
        """Return what AWS says of a resource, under Terraform's name of it.

        :raises KeyError: it says what was written.
        """
        if attribute == "arn":
            try:
                return self._arn(logical_id).removesuffix(":*")
            except Unresolved:
                return str(self._ref(logical_id))
        if attribute == "name":
            return self._name(logical_id)
        if attribute in ("id", "alarm_name"):
            return str(self._ref(logical_id))
        if attribute == "prefix_list_id":
            return f"pl-{logical_id}"
        raise KeyError(attribute)


class Deployment:
    """Both ways of one deployment, with the same parameters."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.stacks: dict[str, Said] = {}
        self.modules: dict[str, Module] = {}
        self.imports: dict[str, str] = {}
        outputs: dict[str, dict[str, Any]] = {}
        for name in MODULES:
            given = declared(name, {**GIVEN, **parameters})
            stack = Said.of(file(name), given, STACKS.get(name, name), self.imports)
            self.imports |= stack.exports()
            module = Module(name, variables(name, given, outputs), _known(name, stack))
            outputs[name] = module.outputs()
            self.stacks[name], self.modules[name] = stack, module


def _known(name: str, stack: Said) -> Any:
    of = {address: logical_id for logical_id, all_ in COUNTERPARTS[name].items() for address in all_}

    def known(address: str, attribute: str) -> Any:
        if address.startswith(("data.", "ephemeral.")):
            return HERE[address.rsplit(".", 1)[0]][attribute]
        return stack.says(of[address], attribute)

    return known


def snake(name: str) -> str:
    """Return the variable's name of a parameter."""
    parted = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", parted).lower()


def type_of(variable: Block) -> str:
    """Return the first word of a variable's type: `string`, `list`, `object`."""
    (written,) = parts(variable.attributes()["type"])
    identifier = written if written.data == "identifier" else parts(written)[0]
    return str(identifier.children[0])


def members(variable: Block) -> set[str]:
    """Return the names of an object's members."""
    found: set[str] = set()
    for each in variable.attributes()["type"].find_data("object_elem_key"):
        assert isinstance(each, Tree)
        found.add(str(next(each.find_data("identifier")).children[0]))
    return found


def converted(value: str, type_: str) -> Any:
    """Return a parameter's value as the variable has it."""
    match type_:
        case "bool":
            return value == "true"
        case "number":
            return float(value) if "." in value else int(value)
        case "list":
            return [each for each in value.split(",") if each]
    return value or None


def variables(name: str, given: Mapping[str, str], outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a module's variables by a template's parameters, and by what modules before it put out."""
    declared_ = Module.declared_in(name)
    found = {
        snake(parameter): converted(value, type_of(declared_[snake(parameter)]))
        for parameter, value in given.items()
        if parameter not in APART
    }
    if given.get("EndpointSecurityGroupId"):
        found["endpoints"] = {to: given[parameter] for parameter, to in _ENDPOINT_OF.items()}
    for module in ("data", "service"):
        if module in declared_:
            found[module] = {each: outputs[module][each] for each in members(declared_[module])}
    return found
