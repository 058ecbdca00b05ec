"""The template as a whole: its parameters, its sizes, what must not be in it."""

import json
import re
from typing import Any

import pytest

from consumer.settings import Settings
from consumer.worker.memory import divide
from tests.deploy.template import EVERYTHING, FILE, FOREIGN, GIVEN, ROOT, SIZES, size_file, stack

TEXT = FILE.read_text(encoding="utf-8")
DOCUMENT = stack().document
PARAMETERS: dict[str, dict[str, Any]] = DOCUMENT["Parameters"]
SHARDS = {"1k": 10, "10k": 50, "50k": 50}
"""That one task may have to serve alone."""

FARGATE_MEMORY_MIB = {
    "512": range(1024, 4097, 1024),
    "1024": range(2048, 8193, 1024),
    "2048": range(4096, 16385, 1024),
    "4096": range(8192, 30721, 1024),
}


def referred(value: Any) -> set[str]:
    """Return every name that a part of the template refers to."""
    if isinstance(value, list):
        return set().union(*map(referred, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found: set[str] = set().union(*map(referred, value.values())) if value else set()
    if "Ref" in value:
        found.add(str(value["Ref"]))
    if "Fn::Sub" in value:
        text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        found.update(re.findall(r"\$\{(\w+)", text))
    if "Fn::If" in value:
        found.add(f"condition {value['Fn::If'][0]}")
    if isinstance(value.get("Condition"), str):
        found.add(f"condition {value['Condition']}")
    return found


def test_cli_takes_it_without_a_bucket() -> None:
    assert len(TEXT.encode()) <= 51_200  # AWS: "CloudFormation quotas", template body in a request


def test_iam_takes_the_policies_whatever_the_names() -> None:
    long = {"ApplicationName": "a" * 100, "OutputTableName": "o" * 255, "QuarantineTableName": "q" * 255}
    chosen = stack(**{**EVERYTHING, **FOREIGN, **long, "StreamName": "s" * 128, "RetrievalMode": "FANOUT"})

    def size(policy: Any) -> int:  # AWS: "IAM quotas", white space is not counted
        return len(json.dumps(policy, separators=(",", ":")))

    assert size(chosen.properties("OperatorPolicy")["PolicyDocument"]) <= 6_144
    for role in ("TaskRole", "ExecutionRole"):
        assert size(chosen.properties(role)["Policies"]) <= 10_240


def test_holds_no_secret_and_no_account() -> None:
    assert not re.search(r"\b\d{12}\b|AKIA|ASIA|-----BEGIN|[Pp]assword:", TEXT)
    for parameter in PARAMETERS.values():
        assert "arn:aws" not in str(parameter.get("Default", ""))


def test_every_parameter_is_described_used_and_in_one_group_of_the_console() -> None:
    used = referred([DOCUMENT["Resources"], DOCUMENT["Outputs"], DOCUMENT["Conditions"]])
    assert set(PARAMETERS) <= used
    for name, parameter in PARAMETERS.items():
        assert re.search(r"\w.*[.)]$", parameter["Description"].strip()), name
    groups = DOCUMENT["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


def test_every_condition_is_used_and_every_output_described() -> None:
    used = referred([DOCUMENT["Resources"], DOCUMENT["Outputs"], DOCUMENT["Conditions"]])
    assert {f"condition {name}" for name in DOCUMENT["Conditions"]} <= used
    assert all(output["Description"] and output["Value"] for output in DOCUMENT["Outputs"].values())


def test_only_what_nobody_can_guess_has_no_default() -> None:
    assert {name for name, each in PARAMETERS.items() if "Default" not in each} == set(GIVEN)


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
        for resource in DOCUMENT["Resources"].values()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skips
    assert all(len(skip["comment"]) > 30 for skip in skips)
    assert "checkov:skip" not in TEXT


def test_defaults_are_the_smallest_size() -> None:
    smallest = {name: value for name, value in size_file("1k").items() if name not in GIVEN}
    assert smallest == {name: str(PARAMETERS[name]["Default"]) for name in smallest}


@pytest.mark.parametrize("size", SIZES)
def test_a_sizes_file_is_filled_in_but_for_what_nobody_can_guess(size: str) -> None:
    parameters = size_file(size)
    assert set(parameters) <= set(PARAMETERS)
    assert {name for name, value in parameters.items() if not value} == set(GIVEN)
    assert set(parameters) == set(size_file("1k"))
    file = FILE.parent / "parameters" / f"{size}.json"
    assert list(json.loads(file.read_text("utf-8"))) == ["Parameters"]  # the CLI's form


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
