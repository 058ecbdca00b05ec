"""The Terraform modules against the templates: the same resources, on the same conditions, with the same properties."""

import copy
import re
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from typing import Any, Final

import pytest

from tests.deploy.hcl import evaluate, references
from tests.deploy.template import EVERYTHING, FOREIGN, GIVEN, SIZES, declared, document, file, parameters_file
from tests.deploy.terraform import FOLDER, Module, Resource, assigned, read, words
from tests.deploy.terraform_pairs import (
    APART,
    COUNTERPARTS,
    MODULES,
    TYPES,
    Deployment,
    Said,
    converted,
    snake,
    type_of,
    variables,
)
from tests.deploy.terraform_types import properties

_HERE: Final = "us-east-1:123456789012"
_BESIDES: Final = {
    "KeysKmsKeyArn": f"arn:aws:kms:{_HERE}:key/secrets",
    "ExtraPolicyArns": "arn:aws:iam::123456789012:policy/one,arn:aws:iam::123456789012:policy/two",
    "WithPrometheus": "true",
    "WithGlue": "true",
    "WithKms": "true",
}
"""What `EVERYTHING` leaves out, as it is for the other templates."""

OTHER: Final = {
    "ApplicationName": "payments",
    "LogGroupName": "/payments/sanitizer",
    "LogRetentionDays": "731",
    "StreamName": "payments-in",
    "RetentionHours": "168",
    "OutputTableName": "payments-out",
    "QuarantineTableName": "payments-aside",
    "OutputReadCapacity": "200",
    "OutputMaxReadCapacity": "800",
    "OutputWriteCapacity": "2500",
    "OutputMaxWriteCapacity": "9000",
    "OutputWarmReadUnits": "18000",
    "ImageRepository": "payments/sanitizer",
    "ImageTag": "0.2.0",
    "SettingsFile": "/etc/payments.yaml",
    "Architecture": "X86_64",
    "VpcId": "vpc-4e5f6a7b",
    "SubnetIds": "subnet-1a2b3c4d,subnet-5e6f7a8b,subnet-9c0d1e2f",
    "MinTasks": "3",
    "MaxTasks": "9",
    "RolloutLagSeconds": "600",
    "OutputTtlDays": "30",
    "AlarmTopicArn": f"arn:aws:sns:{_HERE}:payments",
    "LagAlarmSeconds": "1200",
    "LagWarningSeconds": "90",
    "VpcCidr": "172.30.16.0/20",
    "FlowLogDays": "545",
}
"""What is a name or a number, and other than by default."""

SETS: Final[Mapping[str, Mapping[str, str]]] = {
    "defaults": {},
    "everything": {**EVERYTHING, **_BESIDES},
    "foreign": FOREIGN,
    "tables that exist": {**FOREIGN, "OutputBillingMode": "PAY_PER_REQUEST", "CreateTables": "false"},
    "provisioned, indexed": {"OutputBillingMode": "PROVISIONED", "SecondIndex": "PARTITION", "StreamMode": "ON_DEMAND"},
    "newest": {"WriteMode": "newest", "SettingsFile": "/etc/settings.yaml", "ImageDigest": f"sha256:{'2' * 64}"},
    "collector from the public registry": {
        "PrometheusWorkspaceId": "ws-0a1b2c3d",
        "TaskCpu": "2048",
        "TaskMemory": "4096",
    },
    "other names and numbers": {**OTHER, "OutputBillingMode": "PROVISIONED", "SecondIndex": "PARTITION"},
    "other names and numbers, on demand": {**OTHER, "OutputWarmWriteUnits": "9000", "LogGroupName": ""},
} | {size: {k: v for k, v in parameters_file(f"{size}/data").items() if v} for size in SIZES}

DIFFERENT: Final[Mapping[tuple[str, str], str]] = {
    ("Key", "Description"): "begins with the stack's name, and Terraform has none: the application's",
    ("EndpointGroup", "SecurityGroupEgress"): "without a rule EC2 lets everything out; Terraform takes that rule away",
}
"""Properties that need not be the same, and why."""

STACK_ACTIONS: Final = ("cloudformation:",)
"""Of a stack that hangs: in Terraform's deployments there is none."""


@cache
def deployment(name: str) -> Deployment:
    return Deployment(SETS[name])


@pytest.mark.parametrize(
    ("module", "parameter"),
    [(module, name) for module in MODULES for name in document(module)["Parameters"] if name not in APART],
)
def test_each_parameter_makes_a_difference_in_some_set(module: str, parameter: str) -> None:
    """Else a module that ignores its variable would pass."""

    def made(name: str, chosen: Mapping[str, str]) -> Any:
        stack = Said.of(file(module), declared(module, chosen), imports=deployment(name).imports)
        outputs = document(module).get("Outputs", {}).values()
        return {each: stack.properties(each) for each in stack.resources()}, [
            stack.resolve(each["Value"]) for each in outputs
        ]

    usual = {k: v for k, v in GIVEN.items() if k == parameter}
    for name, chosen in SETS.items():
        given = {**GIVEN, **chosen}
        without = {k: v for k, v in given.items() if k != parameter} | usual
        if given != without and made(name, given) != made(name, without):
            return
    pytest.fail(f"{parameter} is the same in all sets, or of no use in those where it is not")


def test_modules_are_the_templates() -> None:
    assert sorted(each.name for each in FOLDER.iterdir() if each.name != "examples") == sorted(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_each_resource_has_its_counterpart(module: str) -> None:
    written = document(module)["Resources"]
    assert set(COUNTERPARTS[module]) == set(written)
    for logical_id, (first, *_) in COUNTERPARTS[module].items():
        assert first.partition(".")[0] == TYPES[written[logical_id]["Type"]], logical_id
    addresses = [each for all_ in COUNTERPARTS[module].values() for each in all_]
    assert len(set(addresses)) == len(addresses)
    blocks = {".".join(each.labels) for each in read(FOLDER / module) if each.kind == "resource"}
    assert blocks == {each.partition("[")[0] for each in addresses}


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", SETS)
def test_the_same_is_made_with_the_same_properties(module: str, name: str) -> None:
    chosen = deployment(name)
    assert chosen.modules[module].refusals() == []
    by_address = {each.address: each for each in chosen.modules[module].resources()}
    made = {
        logical_id: [by_address.pop(address) for address in all_ if address in by_address]
        for logical_id, all_ in COUNTERPARTS[module].items()
    }
    assert not by_address, "made by Terraform alone"
    assert {name for name, resources in made.items() if resources} == set(chosen.stacks[module].resources())
    for logical_id, resources in made.items():
        if resources:
            wanted = _without_stacks(_wanted(chosen, module, logical_id))
            assert _plain(_merged(logical_id, resources)) == _plain(wanted), logical_id


def _wanted(chosen: Deployment, module: str, logical_id: str) -> dict[str, Any]:
    stack = chosen.stacks[module]
    found = {k: v for k, v in stack.properties(logical_id).items() if (logical_id, k) not in DIFFERENT}
    target = found.get("ScalingTargetId")
    if target:
        of = stack.properties(target)
        found["ScalingTargetId"] = "|".join(
            of[each] for each in ("ServiceNamespace", "ScalableDimension", "ResourceId")
        )
    return found


def _without_stacks(value: Any) -> Any:
    """Return a template's value without the actions that Terraform's deployments have no use for."""
    if isinstance(value, Mapping):
        if "Action" in value:
            left = [each for each in _list(value["Action"]) if not each.startswith(STACK_ACTIONS)]
            return {**value, "Action": left}
        return {k: _without_stacks(v) for k, v in value.items()}
    return [_without_stacks(each) for each in value] if isinstance(value, list) else value


def _merged(logical_id: str, resources: list[Resource]) -> dict[str, Any]:
    first, *others = resources
    found = properties(first.type, first.written)
    for each in others:
        more = properties(each.type, each.written)
        if "security_group" in each.type:
            assert more.pop("GroupId") == logical_id
            kind = "Egress" if "egress" in each.type else "Ingress"
            more = {f"SecurityGroup{kind}": [more]}
        for name, value in more.items():
            found[name] = [*found.get(name, []), *value] if isinstance(value, list) else value
    return {k: v for k, v in found.items() if (logical_id, k) not in DIFFERENT}


def _plain(value: Any) -> Any:
    """Return a value as both write it: scalars as text, statements and what has names as sets."""
    if isinstance(value, Mapping):
        if "Statement" in value:
            return {_frozen(each) for each in value["Statement"] for each in _single(each)}
        return {str(name): _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        found = [_plain(each) for each in value]
        for key in ("Name", "Id"):
            if found and all(isinstance(each, dict) and key in each for each in found):
                return sorted(found, key=lambda each: str(each[key]))
        return found
    return str(value).lower() if isinstance(value, bool) else str(value)


def _single(statement: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a statement for each action and resource; condition values as lists."""
    rest = {k: v for k, v in statement.items() if k not in ("Action", "Resource", "Condition", "Principal")}
    for element in ("Condition", "Principal"):
        if element in statement:
            rest[element] = _lists(statement[element])
    return [
        {**rest, "Action": action, "Resource": resource}
        for action in _list(statement["Action"])
        for resource in _list(statement.get("Resource"))
    ]


def _lists(value: Any) -> Any:
    return {k: _lists(v) for k, v in value.items()} if isinstance(value, Mapping) else tuple(map(str, _list(value)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _frozen(value: Any) -> Any:
    return tuple(sorted((k, _frozen(v)) for k, v in value.items())) if isinstance(value, Mapping) else value


def test_the_comparison_sees_a_permission_more() -> None:
    chosen = deployment("defaults")
    policy = chosen.stacks["service"].properties("TaskRole")["Policies"]
    role = [each for each in chosen.modules["service"].resources() if ".task" in each.address and "role" in each.type]
    made = _plain(_merged("TaskRole", role)["Policies"])
    assert made == _plain(_without_stacks(policy))
    for action in ("dynamodb:Scan", "cloudformation:DeleteStack"):
        more = copy.deepcopy(policy)
        more[0]["PolicyDocument"]["Statement"].append({"Effect": "Allow", "Action": action, "Resource": "*"})
        assert _plain(more) != made


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("module", MODULES)
def test_outputs_are_the_same(module: str, name: str) -> None:
    chosen = deployment(name)
    stack = chosen.stacks[module]
    wanted = {snake(k): stack.resolve(v["Value"]) for k, v in document(module).get("Outputs", {}).items()}
    found = chosen.modules[module].outputs()
    if module == "service":
        assert found.pop("name") == "kinesis-sanitizer"
    if module == "network":  # one object, as the module service takes it
        wanted["subnet_ids"] = wanted["subnet_ids"].split(",")
        found["endpoint_security_group_id"] = found.pop("endpoints")["security_group_id"]
    assert found == wanted


def _translated(text: str) -> str:
    """Return a template's words as the module's: its parameters' names, and what is empty is null."""
    names = {name for module in MODULES for name in document(module)["Parameters"]}
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"\b{name}\b", snake(name), text)
    for old, new in ((r"this (stack|template)\b", "this module"), ("another data stack", "another data module")):
        text = re.sub(old, new, text)
    return text.replace("another stack's", "another state's")


@pytest.mark.parametrize("module", MODULES)
def test_variables_are_the_parameters(module: str) -> None:
    written, parameters = Module.declared_in(module), document(module)["Parameters"]
    own = {"data": set(), "service": {"name", "data", "endpoints"}, "network": set()}
    assert set(written) - {snake(each) for each in parameters} == own.get(module, {"data", "service"})
    for name, parameter in parameters.items():
        if name in APART:
            continue
        variable = written[snake(name)]
        wanted = _translated(words(str(parameter["Description"])))
        if type_of(variable) == "string":
            wanted = re.sub(r"\bEmpty\b", "Null", wanted)
        assert words(evaluate(variable.attributes()["description"], {})) == wanted
        attributes = variable.attributes()
        assert ("default" in attributes) == ("Default" in parameter), name
        if "Default" in parameter:
            default, type_ = evaluate(attributes["default"], {}), type_of(variable)
            assert _plain(default if default is not None else "") == _plain(str(parameter["Default"]) or []) or (
                default in (None, []) and parameter["Default"] == ""
            ), (name, type_)


def _refusals(module: str, parameters: Mapping[str, str]) -> list[str]:
    stand_ins = {"data": _Anything(), "service": _Anything()}
    given = declared(module, {**GIVEN, **parameters})
    return Module(module, variables(module, given, stand_ins), lambda *_: None).refusals()


class _Anything(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return key


@pytest.mark.parametrize("module", MODULES)
def test_what_a_parameter_refuses_is_refused(module: str) -> None:
    for name, parameter in document(module)["Parameters"].items():
        wrong = []
        if "AllowedPattern" in parameter:
            wrong.append("not this!")
        if "MinValue" in parameter:
            wrong.append(str(int(parameter["MinValue"]) - 1))
        if "MaxValue" in parameter:
            wrong.append(str(int(parameter["MaxValue"]) + 1))
        if "AllowedValues" in parameter and set(parameter["AllowedValues"]) != {"true", "false"}:
            wrong.append("3" if type_of(Module.declared_in(module)[snake(name)]) == "number" else "other")
        if name in APART or name == "TaskMemory":
            continue
        for value in wrong:
            assert [each for each in _refusals(module, {name: value}) if snake(name) in each], (name, value)


SAID: Final = {
    "Capacity and index of tables that exist (create_tables is false) are changed where they were made.": [
        {"CreateTables": "false", "SecondIndex": "PARTITION"},
        {"CreateTables": "false", "OutputWarmWriteUnits": "5000"},
        {"CreateTables": "false", "OutputMaxWriteUnits": "5000"},
        {"CreateTables": "false", "OutputBillingMode": "PROVISIONED"},
    ],
    "stream_mode says nothing of a stream that exists (create_stream is false).": [
        {"CreateStream": "false", "StreamMode": "ON_DEMAND"},
    ],
    "output_max_write_units bounds an on-demand table; a provisioned one has output_max_write_capacity.": [
        {"OutputBillingMode": "PROVISIONED", "OutputMaxWriteUnits": "1000"},
    ],
    "write_mode newest needs keys that records share, so a settings_file.": [{"WriteMode": "newest"}],
    "sink_stream_arn permits; the setting sinks, in a settings_file, sends.": [
        {"SinkStreamArn": EVERYTHING["SinkStreamArn"]},
    ],
    "sink_kms_key_arn is the key of sink_stream_arn.": [{"SinkKmsKeyArn": EVERYTHING["SinkKmsKeyArn"]}],
    "keys_kms_key_arn and key_wrapping_key_arn are keys of keys_secret_arn.": [
        {"KeysKmsKeyArn": _BESIDES["KeysKmsKeyArn"]},
        {"KeyWrappingKeyArn": EVERYTHING["KeyWrappingKeyArn"]},
    ],
    "A collector runs only with a prometheus_workspace_id.": [
        {"CollectorRepository": "otel"},
        {"CollectorDigest": EVERYTHING["CollectorDigest"]},
    ],
    "public.ecr.aws has no endpoint; name a collector_repository.": [
        {
            "PrometheusWorkspaceId": "ws-0a1b",
            **{name: EVERYTHING[name] for name in APART if name in EVERYTHING},
        },
    ],
}
"""What the templates' rules say, in the modules' words, and of which parameters."""

COMPARED: Final = [
    ("data", {"OutputReadCapacity": "500"}, "output_max_read_capacity must be output_read_capacity or more."),
    ("data", {"OutputWriteCapacity": "7000"}, "output_max_write_capacity must be output_write_capacity or more."),
    (
        "data",
        {"OutputWarmWriteUnits": "3999"},
        "output_warm_write_units must be 0, or no less than the 4000 that each table has.",
    ),
    ("service", {"MinTasks": "3"}, "max_tasks must be min_tasks or more."),
    ("alarms", {"LagWarningSeconds": "900"}, "lag_alarm_seconds must be more than lag_warning_seconds."),
]
"""What CloudFormation cannot refuse, since it cannot compare numbers."""


def test_what_the_rules_refuse_is_refused_in_the_same_words() -> None:
    said = set()
    for module in ("data", "service"):
        for name, rule in document(module)["Rules"].items():
            if not name.startswith(("MemoryFor", "SubnetsAreOf", "EndpointsHaveTheir")):  # said otherwise, see below
                said |= {_translated(str(each["AssertDescription"])) for each in rule["Assertions"]}
    assert {f"{each}." for each in said} == set(SAID)
    for message, cases in SAID.items():
        for case in cases:
            refusals = [each for module in ("data", "service") for each in _refusals(module, case)]
            assert refusals == [message], case


@pytest.mark.parametrize("module", MODULES)
def test_validations_go_in_no_circle(module: str) -> None:
    asks = {
        name: {
            each
            for validation in variable.blocks("validation")
            for each in references(validation.attributes()["condition"], "var")
            if each != name
        }
        for name, variable in Module.declared_in(module).items()
    }
    TopologicalSorter(asks).prepare()  # Terraform, too, refuses a circle


@pytest.mark.parametrize(("module", "case", "message"), COMPARED)
def test_what_the_templates_cannot_compare_is_refused(module: str, case: dict[str, str], message: str) -> None:
    assert message in _refusals(module, case)


def test_memory_is_what_fargate_sells() -> None:
    for name, rule in document("service")["Rules"].items():
        if name.startswith("MemoryFor"):
            (sold, _) = rule["Assertions"][0]["Assert"]["Fn::Contains"]
            cpu = name.removeprefix("MemoryFor")
            accepted = [
                str(memory)
                for memory in range(512, 33 * 1024, 512)
                if not _refusals("service", {"TaskCpu": cpu, "TaskMemory": str(memory)})
            ]
            assert accepted == [str(each) for each in sold]


def test_subnets_are_of_the_vpc() -> None:
    (subnets,) = (each for each in read(FOLDER / "service") if each.labels == ("aws_subnet", "tasks"))
    (lifecycle,) = subnets.blocks("lifecycle")
    (condition,) = lifecycle.blocks("postcondition")
    expression = condition.attributes()["condition"]
    assert evaluate(expression, {"self": {"vpc_id": "vpc-1"}, "var": {"vpc_id": "vpc-1"}})
    assert not evaluate(expression, {"self": {"vpc_id": "vpc-2"}, "var": {"vpc_id": "vpc-1"}})
    said = document("service")["Rules"]["SubnetsAreOfTheVpc"]["Assertions"][0]["AssertDescription"]
    assert evaluate(condition.attributes()["error_message"], {}) == f"{_translated(str(said))}."


@pytest.mark.parametrize("module", MODULES)
def test_what_the_templates_retain_is_not_destroyed(module: str) -> None:
    kept = {
        COUNTERPARTS[module][name][0].partition("[")[0]
        for name, each in document(module)["Resources"].items()
        if str(each.get("DeletionPolicy", "")).startswith("Retain")
    }
    prevented = {
        ".".join(block.labels)
        for block in read(FOLDER / module)
        for each in block.blocks("lifecycle")
        if block.kind == "resource" and "prevent_destroy" in each.attributes()
        if evaluate(each.attributes()["prevent_destroy"], {}) is True
    }
    assert prevented - {"aws_secretsmanager_secret_version.fingerprint"} == kept


def test_the_page_imports_all_that_holds_data() -> None:
    page = (FOLDER.parents[1] / "docs" / "terraform.md").read_text(encoding="utf-8")
    shown = re.findall(r'^    import \{\n      to = module\.data\.(.+)\n      id = "(.+)"\n    \}$', page, re.MULTILINE)
    kept = [name for name, each in document("data")["Resources"].items() if "DeletionPolicy" in each]
    assert sorted(address for address, _ in shown) == sorted(
        COUNTERPARTS["data"][name][0] for name in kept if name != "FingerprintSecret"
    )
    named = [each.written.get("name") for each in deployment("defaults").modules["data"].resources()]
    assert {id_ for address, id_ in shown if "kms" not in address} <= set(named)


def test_modules_ask_for_one_version_of_each() -> None:
    asked = {str(file.parent.relative_to(FOLDER)): _versions(file.parent) for file in FOLDER.rglob("*.tf")}
    assert len(asked) == len(MODULES) + len(ROOTS)
    assert len(set(asked.values())) == 1, asked


def _versions(folder: Any) -> tuple[str, str]:
    (terraform,) = (each for each in read(folder) if each.kind == "terraform")
    (providers,) = terraform.blocks("required_providers")
    aws = evaluate(providers.attributes()["aws"], {})
    return evaluate(terraform.attributes()["required_version"], {}), aws["version"]


ROOTS: Final = ("data", "service")
EXAMPLES: Final = FOLDER / "examples"


@pytest.mark.parametrize("root", ROOTS)
def test_examples_call_the_modules_with_what_they_need(root: str) -> None:
    folder = EXAMPLES / root
    calls = {each.labels[0]: each.attributes() for each in read(folder) if each.kind == "module"}
    for name, call in calls.items():
        assert (folder / evaluate(call["source"], {})).resolve() == FOLDER / name
        required = {k for k, v in Module.declared_in(name).items() if "default" not in v.attributes()}
        assert required <= set(call)
        assert set(call) - {"source"} <= set(Module.declared_in(name))
    variables_ = {each.labels[0]: each for each in read(folder) if each.kind == "variable"}
    for name in map(snake, parameters_file(f"1k/{root}")):  # what a stack is told, a root is told, and hands on
        assert references(calls[root][name], "var") == {name}
        assert evaluate(calls[root][name], {"var": {name: "handed on"}}) == "handed on"
        assert type_of(variables_[name]) == type_of(Module.declared_in(root)[name])
    passed = {name for call in calls.values() for each in call.values() for name in references(each, "var")}
    assert passed == set(variables_) - {"data_state"}


@pytest.mark.parametrize("size", SIZES)
def test_sizes_of_the_examples_are_those_of_the_parameters(size: str) -> None:
    assert {each.name for each in (EXAMPLES / "sizes").iterdir()} == set(SIZES)
    assert {each.stem for each in (EXAMPLES / "sizes" / size).iterdir()} == set(ROOTS)
    for root in ROOTS:
        found = assigned(EXAMPLES / "sizes" / size / f"{root}.tfvars")
        asked = {snake(k): v for k, v in parameters_file(f"{size}/{root}").items() if v}
        declared_ = Module.declared_in(root)
        assert found == {k: converted(v, type_of(declared_[k])) for k, v in asked.items()}
