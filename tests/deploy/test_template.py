"""The template as a whole: its parameters, its sizes, what must not be in it."""

import json
import re
from typing import Any

import pytest

from consumer.settings import Settings
from consumer.worker.memory import divide
from tests.deploy.referred import referred
from tests.deploy.template import (
    EVERYTHING,
    FOLDER,
    FOREIGN,
    GIVEN,
    ROOT,
    SIZES,
    STACKS,
    document,
    file,
    parameters_file,
    size_file,
    stack,
)

TEMPLATES = (*STACKS, "network")
PARAMETERS: dict[str, dict[str, Any]] = {
    name: parameter for template in STACKS for name, parameter in document(template)["Parameters"].items()
}
SHARDS = {"1k": 10, "10k": 50, "50k": 50}
"""That one task may have to serve alone."""

FARGATE_MEMORY_MIB = {
    "512": range(1024, 4097, 1024),
    "1024": range(2048, 8193, 1024),
    "2048": range(4096, 16385, 1024),
    "4096": range(8192, 30721, 1024),
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_cli_takes_it_without_a_bucket(template: str) -> None:
    # AWS: "CloudFormation quotas", template body in a request; a fifth is left for what comes.
    assert len(file(template).read_bytes()) <= 0.8 * 51_200


def test_there_are_no_other_templates_and_no_name_stands_twice() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(TEMPLATES)
    resources = [name for template in STACKS for name in document(template)["Resources"]]
    assert len(set(resources)) == len(resources)


def test_iam_takes_the_policies_whatever_the_names() -> None:
    long = {"ApplicationName": "a" * 100, "OutputTableName": "o" * 255, "QuarantineTableName": "q" * 255}
    chosen = stack(**{**EVERYTHING, **FOREIGN, **long, "StreamName": "s" * 128, "RetrievalMode": "FANOUT"})

    def size(policy: Any) -> int:  # AWS: "IAM quotas", white space is not counted
        return len(json.dumps(policy, separators=(",", ":")))

    for policy in ("LookPolicy", "RepairPolicy", "IncidentPolicy"):
        assert size(chosen.properties(policy)["PolicyDocument"]) <= 6_144, policy
    for role in ("TaskRole", "ExecutionRole"):
        assert size(chosen.properties(role)["Policies"]) <= 10_240


@pytest.mark.parametrize("template", TEMPLATES)
def test_holds_no_secret_and_no_account(template: str) -> None:
    assert not re.search(r"\b\d{12}\b|AKIA|ASIA|-----BEGIN|[Pp]assword:", file(template).read_text(encoding="utf-8"))
    for parameter in document(template)["Parameters"].values():
        assert "arn:aws" not in str(parameter.get("Default", ""))


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_parameter_is_described_used_and_in_one_group_of_the_console(template: str) -> None:
    parameters = document(template)["Parameters"]
    used = referred(
        [document(template)[part] for part in ("Resources", "Outputs", "Conditions") if part in document(template)]
    )
    assert set(parameters) <= used
    for name, parameter in parameters.items():
        assert re.search(r"\w.*[.)]$", parameter["Description"].strip()), name
    groups = document(template)["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(parameters)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_condition_is_used_and_every_output_described(template: str) -> None:
    written = document(template)
    used = referred([written[part] for part in ("Resources", "Outputs", "Conditions") if part in written])
    assert {f"condition {name}" for name in written.get("Conditions", {})} <= used
    assert all(output["Description"] and output["Value"] for output in written.get("Outputs", {}).values())


def test_a_parameter_of_two_stacks_means_the_same_in_both() -> None:
    for template in STACKS:
        for name, parameter in document(template)["Parameters"].items():
            for key in ("Type", "Default", "AllowedPattern", "AllowedValues"):
                assert parameter.get(key) == PARAMETERS[name].get(key), f"{template}: {name}"


def test_what_is_imported_is_exported_and_nothing_for_nobody() -> None:
    exported = {name for each in stack().each.values() for name in each.exports()}
    texts = {template: file(template).read_text(encoding="utf-8") for template in STACKS}
    imported = {
        f"{STACKS[template]}-{name}"
        for text in texts.values()
        for variable, template in (("DataStack", "data"), ("ServiceStack", "service"))
        for name in re.findall(rf"\$\{{{variable}\}}-(\w+)", text)
    }
    assert imported == exported


def test_an_export_is_the_same_whether_this_stack_makes_it_or_not() -> None:
    """CloudFormation refuses to change an export in use; so tables and stream can come to the stack, and leave it."""
    ours = stack().each["data"].exports()
    theirs = stack(CreateTables="false", CreateStream="false").each["data"].exports()
    assert ours == theirs


def test_only_what_nobody_can_guess_has_no_default() -> None:
    assert {name for name, each in PARAMETERS.items() if "Default" not in each} == set(GIVEN)
    assert all("Default" in each for each in document("network")["Parameters"].values())


def test_defaults_and_the_tests_own_values_are_allowed() -> None:
    chosen = [GIVEN, EVERYTHING, FOREIGN, {name: str(p["Default"]) for name, p in PARAMETERS.items() if "Default" in p}]
    for name, value in (pair for each in chosen for pair in each.items()):
        parameter = PARAMETERS[name]
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), value), name
        assert value in map(str, parameter.get("AllowedValues", [value])), name


@pytest.mark.parametrize("tag", ["", "latest", "a b", "-1", "1.0@sha256:0"])
def test_a_tag_that_moves_or_is_none_is_refused(tag: str) -> None:
    assert not re.fullmatch(PARAMETERS["ImageTag"]["AllowedPattern"], tag)


def test_every_exception_from_checkov_has_its_reason() -> None:
    skips = [
        skip
        for template in TEMPLATES
        for resource in document(template)["Resources"].values()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skips
    assert all(len(skip["comment"]) > 30 for skip in skips)
    assert not any("checkov:skip" in file(template).read_text(encoding="utf-8") for template in TEMPLATES)


def test_defaults_are_the_smallest_size() -> None:
    smallest = {name: value for name, value in size_file("1k").items() if value}
    assert smallest == {name: str(PARAMETERS[name]["Default"]) for name in smallest}


@pytest.mark.parametrize("size", SIZES)
def test_a_sizes_files_are_filled_in_but_for_what_nobody_can_guess(size: str) -> None:
    parameters = size_file(size)
    assert set(parameters) <= set(PARAMETERS)
    # Of what may stay empty, these stand there to be thought of: without them nobody is told of anything.
    assert {name for name, value in parameters.items() if not value} == {
        *GIVEN,
        "PrometheusWorkspaceId",
        "WarningTopicArn",
    }
    assert set(parameters) == set(size_file("1k"))
    for template in ("data", "service"):
        assert set(parameters_file(f"{size}/{template}")) <= set(document(template)["Parameters"])
    for path in (FOLDER / "parameters").rglob("*.json"):
        assert list(json.loads(path.read_text("utf-8"))) == ["Parameters"]  # the CLI's form


@pytest.mark.parametrize("size", SIZES)
def test_a_size_is_what_was_measured(size: str) -> None:
    rows = re.findall(
        r"^\| ([\d,]+)(?: over \d+ shards)? \| (\d+) \| ([\d.]+) vCPU, (\d+) GB \|$",
        (ROOT / "docs" / "performance.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    sizing = {records.replace(",000", "k"): rest for records, *rest in rows}
    tasks, cores, gigabytes = sizing[size]
    parameters = size_file(size)
    assert parameters["MinTasks"] == tasks
    assert int(parameters["TaskCpu"]) == float(cores) * 1024
    assert int(parameters["TaskMemory"]) == int(gigabytes) * 1024


@pytest.mark.parametrize("size", SIZES)
def test_a_size_carries_its_load(size: str) -> None:
    parameters = {name: int(value) for name, value in size_file(size).items() if value.isdigit()}
    records = int(size[:-1]) * 1000
    assert parameters["ShardCount"] * 1000 >= 1.2 * records  # a shard takes 1,000 a second, keys are uneven
    assert 2 <= parameters["MinTasks"] <= parameters["MaxTasks"] <= parameters["ShardCount"]
    warm = parameters["OutputWarmWriteUnits"] or 4000  # what DynamoDB gives a new table
    assert warm >= 1.2 * records  # and room for catching up


@pytest.mark.parametrize("cpu", PARAMETERS["TaskCpu"]["AllowedValues"])
def test_each_cpu_is_sold_and_has_its_processes(cpu: str) -> None:
    assert cpu in FARGATE_MEMORY_MIB
    environment = stack(TaskCpu=cpu).environment()
    assert int(environment["SANITIZER_PIPELINE__PROCESSES"]) == max(1, int(cpu) // 1024)


@pytest.mark.parametrize("cpu", PARAMETERS["TaskCpu"]["AllowedValues"])
def test_the_worker_comes_before_the_collector_when_cpu_is_scarce(cpu: str) -> None:
    chosen = stack(TaskCpu=cpu, **EVERYTHING)
    worker, collector = int(chosen.container()["Cpu"]), int(chosen.container("collector")["Cpu"])
    assert worker + collector == int(cpu)  # ECS refuses more
    assert worker >= 7 * collector


@pytest.mark.parametrize("size", SIZES)
def test_fargate_sells_the_size_and_the_worker_fits_into_it(size: str) -> None:
    chosen = stack(size, PrometheusWorkspaceId=EVERYTHING["PrometheusWorkspaceId"])
    task = chosen.properties("TaskDefinition")
    assert task["RequiresCompatibilities"] == ["FARGATE"]
    assert task["NetworkMode"] == "awsvpc"
    assert int(task["Memory"]) in FARGATE_MEMORY_MIB[task["Cpu"]]
    processes = int(chosen.environment()["SANITIZER_PIPELINE__PROCESSES"])
    settings = Settings.model_validate({"pipeline": {"processes": processes}})
    memory = int(task["Memory"])
    assert divide(settings, memory, SHARDS[size]).worker + chosen.container("collector")["Memory"] <= memory
