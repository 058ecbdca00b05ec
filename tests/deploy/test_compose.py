import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import yaml

from consumer import aws, cli
from consumer.local.command import local
from consumer.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "local" / "compose.yaml"
PINNED = re.compile(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}")
PARTS = "python3 -m consumer.local"

Service = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return parsed


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = compose["services"]
    return found


@pytest.fixture
def settings(services: dict[str, Service], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the worker's settings, in the worker's environment."""
    for name, value in services["worker"]["environment"].items():
        monkeypatch.setenv(name, value)
    return load_settings(None)


@pytest.fixture(scope="module")
def scraped() -> list[str]:
    prometheus = yaml.safe_load((FILE.parent / "prometheus.yml").read_text(encoding="utf-8"))
    return [
        target for job in prometheus["scrape_configs"] for group in job["static_configs"] for target in group["targets"]
    ]


def complaints(file: Path) -> str:
    """Return what the compose specification's JSON schema has against a file."""
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if checked.returncode == 0 else checked.stdout + checked.stderr


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def inner_port(service: Service) -> int:
    """Return the one port that a service publishes, on its own side."""
    [port] = service["ports"]
    return int(port.rpartition(":")[2])


def test_compose_knows_every_key(tmp_path: Path) -> None:
    assert complaints(FILE) == ""
    misspelt = tmp_path / "compose.yaml"
    misspelt.write_text(FILE.read_text(encoding="utf-8").replace("stop_grace_period", "stop_grace_time"))
    assert "stop_grace_time" in complaints(misspelt)


def test_what_is_not_built_here_is_pinned_to_the_byte(services: dict[str, Service]) -> None:
    stages = re.findall(r"^FROM .* AS (\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    for name, service in services.items():
        if "build" in service:
            assert (FILE.parent / service["build"]["context"]).resolve() == ROOT
            assert service["build"].get("target", "local") in stages, name
            assert "image" not in service  # two services would write one name
        else:
            assert PINNED.fullmatch(service["image"]), name
    assert "target" not in services["worker"]["build"]  # the image of production


def test_no_container_has_rights_that_it_does_not_need(services: dict[str, Service]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service), name
        assert service.get("user", "10001").split(":")[0] not in ("0", "root")


def test_every_port_is_on_loopback_only_and_none_twice(services: dict[str, Service]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    chosen = [re.fullmatch(r"127\.0\.0\.1:\$\{(\w+_PORT):-(\d+)\}:\d+", port) for port in ports]
    assert all(chosen)
    for of in (1, 2):  # the variable that chooses it, and what it is without
        assert len({match[of] for match in chosen if match}) == len(ports)


def test_nothing_of_the_machine_can_be_written_to(services: dict[str, Service]) -> None:
    for service in services.values():
        for volume in service.get("volumes", []):
            source, _, target = volume.rpartition(":")[0].partition(":")
            if source.startswith("."):
                assert volume.endswith(":ro")
                assert target.startswith("/etc/")
                assert (FILE.parent / source).resolve().is_relative_to(ROOT / "deploy")
                assert (FILE.parent / source).exists()


def test_the_worker_writes_where_its_image_lets_it(services: dict[str, Service]) -> None:
    declared = re.findall(r"^VOLUME (.*)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(services["worker"]["volumes"]) == set(json.loads(declared[-1]))


def test_each_waits_for_what_it_needs_and_in_no_circle(services: dict[str, Service]) -> None:
    waits = {name: service.get("depends_on", {}) for name, service in services.items()}
    for needed in waits.values():
        for other, how in needed.items():
            if how["condition"] == "service_completed_successfully":
                assert "restart" not in services[other]
            else:
                assert how["condition"] == "service_healthy"
                assert services[other]["healthcheck"].get("disable") is not True
    order: list[str] = []
    while len(order) < len(services):
        ready = [name for name in services if name not in order and set(waits[name]) <= set(order)]
        assert ready, "a circle"
        order += ready
    assert order.index("cloud") < order.index("prepare") < order.index("worker") < order.index("producer")
    assert order.index("worker") < order.index("prometheus") < order.index("grafana")


def test_only_the_worker_has_its_images_health_check(services: dict[str, Service]) -> None:
    for name, service in services.items():
        check = service["healthcheck"]
        assert ("test" in check or check.get("disable", False)) != (name == "worker"), name


def test_the_settings_load_and_those_who_share_the_stream_share_them(
    services: dict[str, Service], settings: Settings
) -> None:
    assert settings.stream.name == services["worker"]["environment"]["SANITIZER_STREAM__NAME"]
    assert services["prepare"]["environment"] == services["worker"]["environment"]
    assert services["producer"]["environment"] == services["worker"]["environment"]


def test_a_stop_has_the_time_that_the_worker_takes(services: dict[str, Service], settings: Settings) -> None:
    period = services["worker"]["stop_grace_period"]
    assert period.endswith("s")
    assert settings.kcl.shutdown_grace_ms / 1000 <= int(period[:-1]) - 15


@pytest.mark.usefixtures("settings")
def test_the_clouds_address_is_one_that_the_worker_accepts(services: dict[str, Service]) -> None:
    cloud = services["cloud"]["command"]
    for service in ("kinesis", "dynamodb", "cloudwatch"):
        endpoint = urlsplit(aws.client(service).meta.endpoint_url)  # refuses an address of the outside in clear
        assert (endpoint.hostname, endpoint.port) == ("cloud", inner_port(services["cloud"]))
        assert endpoint.hostname in services["worker"]["environment"]["no_proxy"].split(",")
    assert aws.region() == option(cloud, "--region")
    assert option(cloud, "--port") == str(inner_port(services["cloud"]))
    assert option(cloud, "--host") == "0.0.0.0"  # noqa: S104 - only that container's


def test_ports_agree(services: dict[str, Service], settings: Settings, scraped: list[str]) -> None:
    assert inner_port(services["worker"]) == settings.http.port
    assert scraped == [f"worker:{settings.http.port}"]
    assert (
        services["grafana"]["environment"]["PROMETHEUS_URL"]
        == f"http://prometheus:{inner_port(services['prometheus'])}"
    )
    for name in ("cloud", "prometheus", "grafana"):
        asked = " ".join(services[name]["healthcheck"]["test"])
        assert re.search(rf"127\.0\.0\.1(:|', ){inner_port(services[name])}\b", asked), name


def test_prometheus_and_grafana_read_what_is_mounted(services: dict[str, Service]) -> None:
    mounted = {
        name: {volume.split(":")[1] for volume in services[name]["volumes"]} for name in ("prometheus", "grafana")
    }
    flags = dict(flag.split("=", 1) for flag in services["prometheus"]["command"])
    config = Path(flags["--config.file"])
    read = yaml.safe_load((FILE.parent / "prometheus.yml").read_text(encoding="utf-8"))["rule_files"]
    rules = {str(config.parent / name) for name in read}
    assert mounted["prometheus"] == {str(config), *rules, flags["--storage.tsdb.path"]}
    environment = services["grafana"]["environment"]
    assert mounted["grafana"] == {"/etc/grafana/provisioning", environment["DASHBOARDS"]}
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    dashboards = ROOT / "deploy" / "observability" / "grafana" / "dashboards"
    assert (dashboards / Path(home).relative_to(environment["DASHBOARDS"])).is_file()


def test_nobody_is_an_administrator_of_grafana(services: dict[str, Service]) -> None:
    environment = services["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert not [name for name in environment if "PASSWORD" in name]


@pytest.mark.parametrize("name", ["prepare", "producer"])
def test_each_part_takes_the_words_that_it_is_given(services: dict[str, Service], name: str) -> None:
    service = services[name]
    assert " ".join(service["entrypoint"]) == PARTS
    parse(local, service["command"])


def test_the_worker_runs_the_images_command(services: dict[str, Service]) -> None:
    assert "entrypoint" not in services["worker"]
    parse(cli.cli, services["worker"]["command"])


def parse(group: click.Group, words: list[str]) -> None:
    name, *rest = words
    with click.Context(group) as context:
        command = group.get_command(context, name)
        assert command is not None
        command.make_context(name, rest, parent=context)


def test_the_cloud_stands_alone_with_the_words_that_it_is_given(services: dict[str, Service]) -> None:
    service = services["cloud"]
    assert service["entrypoint"] == ["python3", "-m", "consumer.local.cloud"]
    words = [{"0.0.0.0": "127.0.0.1", "4566": "0"}.get(word, word) for word in service["command"]]  # noqa: S104
    process = subprocess.Popen(
        [sys.executable, "-m", "consumer.local.cloud", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout
        with process.stdout as stdout:
            port = json.loads(stdout.readline())["port"]
        path = re.search(r"'GET', '([^']+)'", " ".join(service["healthcheck"]["test"]))
        assert path
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"http://127.0.0.1:{port}{path[1]}", timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
