import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from consumer.config import Settings, load_settings

ROOT = Path(__file__).parents[2]
ECS = ROOT / "deploy" / "ecs"
FARGATE_MEMORY_MIB = {
    "1024": range(2048, 8193, 1024),
    "2048": range(4096, 16385, 1024),
    "4096": range(8192, 30721, 1024),
}


@pytest.fixture(scope="module")
def text() -> str:
    return (ECS / "task-definition.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def task(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(text)
    return parsed


@pytest.fixture(scope="module")
def container(task: dict[str, Any]) -> dict[str, Any]:
    only: dict[str, Any]
    (only,) = task["containerDefinitions"]
    return only


@pytest.fixture(scope="module")
def environment(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container["environment"]}


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instruction(dockerfile: str, name: str) -> list[str]:
    """Return the arguments of an instruction in the Dockerfile's last stage."""
    joined = dockerfile.replace("\\\n", " ").rpartition("\nFROM ")[2]
    return re.findall(rf"^{name}\s+(.*)$", joined, flags=re.MULTILINE)


def test_ecs_knows_every_member_and_misses_none(task: dict[str, Any]) -> None:
    model = botocore.session.Session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    assert shape
    report = ParamValidator().validate(task, shape)
    assert not report.has_errors(), report.generate_report()


def test_fargate_sells_this_size(task: dict[str, Any]) -> None:
    assert task["requiresCompatibilities"] == ["FARGATE"]
    assert task["networkMode"] == "awsvpc"
    assert int(task["memory"]) in FARGATE_MEMORY_MIB[task["cpu"]]


def test_roles_are_separate(task: dict[str, Any]) -> None:
    assert task["executionRoleArn"] != task["taskRoleArn"]


def test_container_has_no_rights_it_does_not_need(container: dict[str, Any]) -> None:
    assert container["readonlyRootFilesystem"] is True
    assert container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert not container.get("privileged", False)
    assert not container["user"].startswith(("0", "root"))


def test_stop_leaves_more_time_than_the_worker_takes(container: dict[str, Any]) -> None:
    assert container["stopTimeout"] == 120  # Fargate's most
    assert Settings().kcl.shutdown_grace_ms / 1000 <= container["stopTimeout"] - 15


def test_whatever_is_written_to_is_a_volume_with_the_images_owner(
    task: dict[str, Any], container: dict[str, Any], environment: dict[str, str], dockerfile: str
) -> None:
    mounts = {mount["containerPath"]: mount for mount in container["mountPoints"]}
    assert set(mounts) == {environment["SANITIZER_RUNTIME_DIR"], "/tmp"}  # noqa: S108
    assert {mount["sourceVolume"] for mount in mounts.values()} == {volume["name"] for volume in task["volumes"]}
    assert not any(mount["readOnly"] for mount in mounts.values())
    (declared,) = instruction(dockerfile, "VOLUME")
    assert set(json.loads(declared)) == set(mounts)


def test_image_and_task_agree(container: dict[str, Any], dockerfile: str) -> None:
    assert instruction(dockerfile, "USER") == [container["user"]]
    assert instruction(dockerfile, "EXPOSE") == [str(port["containerPort"]) for port in container["portMappings"]]
    assert instruction(dockerfile, "STOPSIGNAL") == ["SIGTERM"]
    assert [json.loads(words) for words in instruction(dockerfile, "ENTRYPOINT")] == [["sanitizer"]]
    assert [json.loads(words) for words in instruction(dockerfile, "CMD")] == [container["command"]]
    (health,) = instruction(dockerfile, "HEALTHCHECK")
    assert ["CMD", *json.loads(health.partition("CMD ")[2])] == container["healthCheck"]["command"]


def test_image_is_labelled_with_the_projects_version(dockerfile: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"VERSION={project['version']}" in instruction(dockerfile, "ARG")


def test_health_check_asks_the_metrics_port_and_is_python(container: dict[str, Any]) -> None:
    command = container["healthCheck"]["command"]
    (port,) = container["portMappings"]
    assert command[0] == "CMD"  # no shell
    ast.parse(command[-1])
    assert f"'127.0.0.1', {port['containerPort']}" in command[-1]
    assert "/healthz" in command[-1]
    # KCL's first leases take up to two minutes on fresh tables.
    assert container["healthCheck"]["startPeriod"] >= 120


def test_every_variable_of_ours_names_a_setting(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {name: re.sub(r"\$\{(\w+)\}", r"name-of-\1", value) for name, value in environment.items()}
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(None)
    assert settings.stream.name == ours["SANITIZER_STREAM__NAME"]
    assert settings.output.table == ours["SANITIZER_OUTPUT__TABLE"]
    assert settings.quarantine.table == ours["SANITIZER_QUARANTINE__TABLE"]
    assert settings.kcl.application == ours["SANITIZER_KCL__APPLICATION"]
    assert str(settings.runtime_dir) == ours["SANITIZER_RUNTIME_DIR"]


def test_every_placeholder_is_explained(text: str) -> None:
    readme = (ECS / "README.md").read_text(encoding="utf-8")
    table = "".join(line for line in readme.splitlines() if line.startswith("|"))
    for name in set(re.findall(r"\$\{(\w+)\}", text)):
        assert f"`{name}`" in table


def test_holds_no_secret_and_no_account(text: str) -> None:
    assert not re.search(r"\b\d{12}\b|AKIA|SECRET|PASSWORD|TOKEN", text)
