"""The task: it agrees with the image and with the settings, may do little, and stops cleanly."""

import ast
import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from consumer.errors import StartError, UsageError
from consumer.kcl import properties as daemon
from consumer.settings import FILE_VARIABLE, Settings, load_settings
from consumer.worker.runtime_folder import RuntimeFolder
from tests.deploy.dockerfile import instruction
from tests.deploy.template import EVERYTHING, FOREIGN, STACKS, stack

COLLECTOR: Final = ("PrometheusWorkspaceId", "CollectorRepository", "CollectorDigest")
FARGATE_STOP_SECONDS: Final = 120  # the most, AWS: "Amazon ECS task definition parameters for Fargate", stopTimeout


def last(name: str) -> str:
    """Return the arguments of the image's last instruction of that name."""
    return instruction(name)[0]


@pytest.fixture(scope="module")
def container() -> dict[str, Any]:
    return stack().container()


@pytest.fixture(scope="module")
def collector() -> dict[str, Any]:
    return stack(**EVERYTHING).container("collector")


def settings_of(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings(None)


def test_every_variable_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = stack()
    environment = chosen.environment()
    settings = settings_of(environment, monkeypatch)
    assert environment["AWS_REGION"] == "us-east-1"
    assert settings.stream.name == chosen.properties("Stream")["Name"]
    assert settings.kcl.application == chosen.properties("LeaseTable")["TableName"]
    assert settings.kcl.retrieval_mode == "POLLING"
    assert settings.output.table == chosen.properties("OutputTable")["TableName"]
    assert settings.output.write_mode == "put"
    assert settings.quarantine.table == chosen.properties("QuarantineTable")["TableName"]
    assert settings.quarantine.fingerprint_key is not None
    assert not settings.kcl.may_create_tables  # its role may not
    assert settings.redaction.keys is None
    assert settings.output.ttl_days == 90
    assert settings.logs.cloudwatch_metrics
    assert FILE_VARIABLE not in environment


def test_options_reach_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = stack(**EVERYTHING).environment()
    assert environment.pop(FILE_VARIABLE) == EVERYTHING["SettingsFile"]
    settings = settings_of(environment, monkeypatch)
    assert settings.redaction.keys == EVERYTHING["KeysSecretArn"]
    made = daemon.properties(settings, "worker")
    assert made["retrievalMode"] == "FANOUT"
    assert "/consumer/kinesis-sanitizer:" in made["fanoutConfig.consumerArn"]
    assert "fanoutConfig.consumerName" not in made  # by its ARN alone, it is neither looked up nor registered


def test_newest_is_only_for_whom_a_settings_file_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="write_mode is newest"):
        settings_of(stack(WriteMode="newest").environment(), monkeypatch)
    file = tmp_path / "settings.yaml"
    file.write_text(
        "{stream: {partition_key_field: id}, output: {partition_key: '{id}', sort_key: '{stream}'}}", encoding="utf-8"
    )
    assert load_settings(file).output.write_mode == "newest"


def test_image_and_task_agree(container: dict[str, Any]) -> None:
    assert last("USER") == container["User"]
    assert [last("EXPOSE")] == [str(port["ContainerPort"]) for port in container["PortMappings"]]
    assert last("STOPSIGNAL") == "SIGTERM"
    assert json.loads(last("ENTRYPOINT"))[-1] == "sanitizer"  # behind an init process, maybe
    assert json.loads(last("CMD")) == container["Command"]
    assert ["CMD", *json.loads(last("HEALTHCHECK").partition("CMD ")[2])] == container["HealthCheck"]["Command"]


def test_image_is_of_this_account_or_another_and_can_be_pulled() -> None:
    repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/sanitizer"
    digest = f"sha256:{'0' * 64}"
    assert stack(ImageRepository="team/sanitizer").container()["Image"] == f"{repository}:0.1.0"
    by_digest = stack(ImageRepository="team/sanitizer", ImageDigest=digest)
    assert by_digest.container()["Image"] == f"{repository}@{digest}"
    statements = by_digest.properties("ExecutionRole")["Policies"][0]["PolicyDocument"]["Statement"]
    assert ["arn:aws:ecr:us-east-1:123456789012:repository/team/sanitizer"] in [each["Resource"] for each in statements]
    central = stack(**FOREIGN, **{name: EVERYTHING[name] for name in COLLECTOR})
    assert central.container()["Image"] == "210987654321.dkr.ecr.eu-central-1.amazonaws.com/kinesis-sanitizer:0.1.0"
    statements = central.properties("ExecutionRole")["Policies"][0]["PolicyDocument"]["Statement"]
    assert [
        f"arn:aws:ecr:eu-central-1:210987654321:repository/{name}"
        for name in ("kinesis-sanitizer", EVERYTHING["CollectorRepository"])
    ] in [each["Resource"] for each in statements]


def test_collectors_image_is_public_or_ones_own() -> None:
    public = stack(PrometheusWorkspaceId=EVERYTHING["PrometheusWorkspaceId"]).container("collector")["Image"]
    assert re.fullmatch(r"public\.ecr\.aws/aws-observability/aws-otel-collector:v\d+\.\d+\.\d+", public)
    own = stack(**EVERYTHING).container("collector")["Image"]
    assert own == (
        f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{EVERYTHING['CollectorRepository']}"
        f"@{EVERYTHING['CollectorDigest']}"
    )


def test_health_check_asks_the_metrics_port_and_is_python(container: dict[str, Any]) -> None:
    command = container["HealthCheck"]["Command"]
    (port,) = container["PortMappings"]
    assert command[0] == "CMD"  # no shell
    ast.parse(command[-1])
    assert f"'127.0.0.1', {port['ContainerPort']}" in command[-1]
    assert port["ContainerPort"] == Settings().http.port
    assert "/healthz" in command[-1]
    # KCL's first leases take up to two minutes on fresh tables.
    assert container["HealthCheck"]["StartPeriod"] >= 120


@pytest.mark.parametrize("name", ["sanitizer", "collector"])
def test_containers_have_no_rights_they_do_not_need(name: str) -> None:
    container = stack(**EVERYTHING).container(name)
    assert container["ReadonlyRootFilesystem"] is True
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert container["LinuxParameters"]["InitProcessEnabled"] is True
    assert not container.get("Privileged", False)
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", container["User"])


def test_stop_leaves_more_time_than_the_worker_takes(container: dict[str, Any]) -> None:
    assert container["StopTimeout"] == FARGATE_STOP_SECONDS
    assert Settings().kcl.shutdown_grace_ms / 1000 <= container["StopTimeout"] - 15


def test_whatever_is_written_to_is_a_volume_with_the_images_owner(container: dict[str, Any]) -> None:
    mounts = {mount["ContainerPath"]: mount for mount in container["MountPoints"]}
    volumes = stack().properties("TaskDefinition")["Volumes"]
    assert [mount["SourceVolume"] for mount in mounts.values()] == [volume["Name"] for volume in volumes]
    assert not any(mount["ReadOnly"] for mount in mounts.values())
    assert set(json.loads(last("VOLUME"))) == set(mounts)
    folder = Path(stack().environment()["SANITIZER_RUNTIME_DIR"])
    assert str(folder.parent) in mounts
    assert "/tmp" in mounts  # noqa: S108 - Java's


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o1777, 0o777])
def test_runtime_folder_is_accepted_whatever_the_volumes_mode(mode: int, tmp_path: Path) -> None:
    volume = tmp_path / "sanitizer"
    volume.mkdir()
    volume.chmod(mode)
    if mode & 0o022:
        with pytest.raises(StartError, match="written by others"):
            RuntimeFolder(volume)
    name = Path(stack().environment()["SANITIZER_RUNTIME_DIR"]).name
    folder = RuntimeFolder(volume / name)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.close()


def test_no_secret_is_a_plain_variable(container: dict[str, Any]) -> None:
    assert [each["Name"] for each in container["Secrets"]] == ["SANITIZER_QUARANTINE__FINGERPRINT_KEY"]
    assert not [each["Name"] for each in container["Environment"] if re.search("KEY$|SECRET|TOKEN", each["Name"])]
    given = stack(**FOREIGN).container()
    assert [each["ValueFrom"] for each in given["Secrets"]] == [FOREIGN["FingerprintSecretArn"]]


@pytest.mark.parametrize("name", ["sanitizer", "collector"])
def test_logs_hold_nothing_up(name: str) -> None:
    chosen = stack(**EVERYTHING)
    logs = chosen.container(name)["LogConfiguration"]
    assert logs["Options"]["mode"] == "non-blocking"
    assert re.fullmatch(r"\d+m", logs["Options"]["max-buffer-size"])
    assert logs["Options"]["awslogs-group"] == chosen.properties("LogGroup")["LogGroupName"]


def test_roles_are_separate_and_for_tasks_of_this_account_alone() -> None:
    chosen = stack()
    task = chosen.properties("TaskDefinition")
    assert task["ExecutionRoleArn"] != task["TaskRoleArn"]
    for role in ("ExecutionRole", "TaskRole"):
        assert chosen.properties(role)["Path"] == "/"
        assert "PermissionsBoundary" not in chosen.properties(role)
        bound = stack(**EVERYTHING).properties(role)
        assert bound["PermissionsBoundary"] == EVERYTHING["PermissionsBoundaryArn"]
        assert bound["Path"] == EVERYTHING["RolePath"]
        (statement,) = chosen.properties(role)["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


def test_what_a_plugin_needs_can_be_attached() -> None:
    more = ["arn:aws:iam::123456789012:policy/a", "arn:aws:iam::123456789012:policy/b"]
    assert stack(ExtraPolicyArns=",".join(more)).properties("TaskRole")["ManagedPolicyArns"] == more
    assert "ManagedPolicyArns" not in stack().properties("TaskRole")


def test_a_job_of_prometheus_is_an_application() -> None:
    """The rules judge by job: two stacks under one name would be one."""
    labels = stack().container()["DockerLabels"]
    config = yaml.safe_load(stack(**EVERYTHING).container("collector")["Environment"][0]["Value"])
    (scrape,) = config["receivers"]["prometheus"]["config"]["scrape_configs"]
    assert labels["ECS_PROMETHEUS_JOB_NAME"] == scrape["job_name"] == f"kinesis-sanitizer-{STACKS['service']}"


def test_processor_is_the_images() -> None:
    assert stack().properties("TaskDefinition")["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    assert stack(Architecture="X86_64").properties("TaskDefinition")["RuntimePlatform"]["CpuArchitecture"] == "X86_64"


def test_collector_scrapes_the_worker_and_writes_to_the_workspace(
    container: dict[str, Any], collector: dict[str, Any]
) -> None:
    (variable,) = collector["Environment"]
    assert variable["Name"] == "AOT_CONFIG_CONTENT"
    assert "$" not in variable["Value"]  # nothing is left to fill in
    config = yaml.safe_load(variable["Value"])
    (scrape,) = config["receivers"]["prometheus"]["config"]["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": [f"127.0.0.1:{container['PortMappings'][0]['ContainerPort']}"]}]
    exporter = config["exporters"]["prometheusremotewrite"]
    workspace = EVERYTHING["PrometheusWorkspaceId"]
    host = "aps-workspaces.us-east-1.amazonaws.com"
    assert exporter["endpoint"] == f"https://{host}/workspaces/{workspace}/api/v1/remote_write"
    assert exporter["auth"]["authenticator"] in config["service"]["extensions"]
    assert config["extensions"]["sigv4auth"] == {"region": "us-east-1", "service": "aps"}


def test_collector_declares_what_it_uses(collector: dict[str, Any]) -> None:
    config = yaml.safe_load(collector["Environment"][0]["Value"])
    (pipeline,) = config["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        assert sorted(pipeline[kind]) == sorted(config[kind])
    assert sorted(config["service"]["extensions"]) == sorted(config["extensions"])
    assert pipeline["processors"][0] == "memory_limiter"
    assert pipeline["processors"][-1] == "batch"
    # Else the series of all tasks would be one: each scrapes 127.0.0.1.
    (attribute,) = config["processors"]["resource"]["attributes"]
    assert attribute == {"key": "service.instance.id", "from_attribute": "aws.ecs.task.id", "action": "upsert"}
    order = pipeline["processors"]
    assert order.index("resourcedetection") < order.index("resource")


def test_collector_cannot_harm_the_worker(container: dict[str, Any], collector: dict[str, Any]) -> None:
    config = yaml.safe_load(collector["Environment"][0]["Value"])
    assert collector["Essential"] is False
    assert container["Essential"] is True
    assert config["processors"]["memory_limiter"]["limit_mib"] < collector["Memory"]
    assert collector["RestartPolicy"]["Enabled"] is True
    assert collector["HealthCheck"]["Command"] == ["CMD", "/healthcheck"]


def test_without_a_workspace_there_is_no_collector() -> None:
    assert [each["Name"] for each in stack().properties("TaskDefinition")["ContainerDefinitions"]] == ["sanitizer"]


def test_labels_name_the_port_for_the_ecs_observer(container: dict[str, Any]) -> None:
    assert container["DockerLabels"]["ECS_PROMETHEUS_EXPORTER_PORT"] == str(
        container["PortMappings"][0]["ContainerPort"]
    )
    assert container["DockerLabels"]["ECS_PROMETHEUS_METRICS_PATH"] == "/metrics"
