import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import botocore.session
import pytest

from consumer.kcl.jvm import jars
from deploy.image import build
from tests.deploy.dockerfile import ROOT, instruction, stages, text

HADOLINT = Path(sys.executable).with_name("hadolint")
WORKER, LOCAL, AOT = "worker", "local", "aot"


def healthcheck() -> list[str]:
    (check,) = instruction("HEALTHCHECK")
    command: list[str] = json.loads(check.partition("CMD ")[2])
    return command


@pytest.mark.parametrize("file", ["Dockerfile", "deploy/image/base.Dockerfile"])
def test_dockerfile_has_no_bad_habit(file: str) -> None:
    found = subprocess.run([HADOLINT, str(ROOT / file)], check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


def test_worker_is_the_last_stage_and_local_differs_only_in_its_packages() -> None:
    assert list(stages())[-3:] == [LOCAL, AOT, WORKER]
    for name in ("USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"):
        assert instruction(name, LOCAL) == instruction(name, WORKER) != []


# All that the image has of ours, and what it draws, where modules are not.
EVERYTHING = """
import json, pkgutil, sys
from importlib import import_module
sys.modules.update(dict.fromkeys(json.load(sys.stdin)))
import botocore.session, consumer, redaction, rich.live, rich.progress, rich.spinner
for package in (consumer, redaction):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.startswith("consumer.local"):
            import_module(module.name)
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from consumer.terminal.parts import Styled, headed, show
AESSIV(AESSIV.generate_key(512)).encrypt(b"text", [b"of"])
for name in ("cloudwatch", "dynamodb", "glue", "kinesis", "kms", "secretsmanager", "sts"):
    botocore.session.get_session().create_client(name, "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
show(headed(("shard",), [("s1",)]), Styled("Good", "bold green"))
"""


def test_what_is_left_out_of_packages_is_needed_by_nothing() -> None:
    (found,) = re.findall(r"rm -r (cffi .*?);", stages()["trimmed"])
    left_out = [path.replace("/", ".") for path in found.split()]
    assert {"pygments", "pydantic.v1"} < set(left_out)
    ran = subprocess.run(
        [sys.executable, "-c", EVERYTHING], input=json.dumps(left_out), capture_output=True, text=True, check=False,
        cwd=ROOT,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "shard\ns1\nGood\n"), ran.stderr


@pytest.mark.parametrize(("argument", "name"), [("BASE_IMAGE", r"python:3"), ("RUST_IMAGE", r"rust:1")])
def test_bases_are_pinned_by_version_and_digest_and_only_named_once(argument: str, name: str) -> None:
    official = rf"docker\.io/library/{name}\.\d+\.\d+-slim-trixie@sha256:[0-9a-f]{{64}}"
    assert re.findall(rf"^ARG {argument}=(.*)$", text(), flags=re.MULTILINE) == re.findall(official, text()) != []
    origins = {body.partition("\n")[0].removeprefix("FROM ") for body in stages().values()}
    assert origins - set(stages()) == {"${BASE_IMAGE}", "${RUST_IMAGE}"}


def test_user_is_a_number_and_not_root() -> None:
    (user,) = instruction("USER")
    assert re.fullmatch(r"([1-9]\d+):\1", user)


def test_first_process_reaps_and_passes_signals_on() -> None:
    assert [json.loads(words) for words in instruction("ENTRYPOINT")] == [["tini", "-s", "--", "sanitizer"]]
    assert [json.loads(words) for words in instruction("CMD")] == [["run"]]
    assert instruction("STOPSIGNAL") == ["SIGTERM"]


def test_whatever_is_written_to_is_a_volume() -> None:
    (declared,) = instruction("VOLUME")
    (runtime_dir,) = re.findall(r"SANITIZER_RUNTIME_DIR=(\S+)", " ".join(instruction("ENV")))
    assert json.loads(declared) == [runtime_dir, "/tmp"]  # noqa: S108


def test_health_check_asks_the_metrics_port_and_is_python() -> None:
    command = healthcheck()
    assert command[0] == "python3"  # no shell
    ast.parse(command[-1])
    (port,) = instruction("EXPOSE")
    assert f"'127.0.0.1', {port}" in command[-1]
    assert "/healthz" in command[-1]


def test_health_check_waits_for_the_first_leases() -> None:
    (check,) = instruction("HEALTHCHECK")
    seconds = re.findall(r"--start-period=(\d+)s", check)
    assert int(*seconds) >= 120  # on fresh tables


def test_labels_carry_the_projects_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"VERSION={project['version']}" in instruction("ARG")
    (labels,) = instruction("LABEL")
    for name in ("version", "revision", "source", "created", "licenses", "title", "description"):
        assert f"org.opencontainers.image.{name}=" in labels


def test_only_what_is_named_goes_into_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    copied = [
        source
        for stage in stages()
        for words in re.findall(r"^COPY (?!--from)(.*)$", stages()[stage], flags=re.MULTILINE)
        for source in words.split()[:-1]
    ]
    for source in copied:
        assert (ROOT / source).exists()
        assert any(source == name or source.startswith(f"{name}/") for name in let_in), source
    assert all((ROOT / name).exists() for name in let_in)


def test_whatever_comes_from_a_registry_is_checked_by_its_hash() -> None:
    calls = re.findall(r"\bpip [^;]*?(?:install|download) [^;\n]*", "\n".join(stages().values()))
    assert len(calls) > 4
    for call in calls:
        assert "--require-hashes" in call or re.search(r"--no-deps .*/\*\.whl", call), (
            call
        )  # wheels that were built here


def test_crates_are_the_locked_ones() -> None:
    calls = re.findall(r"(?:maturin|cargo) (?:build|metadata) [^;>]*", stages()["native"])
    assert len(calls) == 2
    assert all("--locked" in call for call in calls)


def test_either_image_has_the_compiled_part() -> None:
    assert re.search(r"install [^;]*--root /out /native/\*\.whl", stages()["project"])
    for stage in (LOCAL, WORKER):
        assert "--from=project /out/ /" in instruction("COPY", stage)


def test_aot_cache_is_made_of_the_image_with_the_same_java_and_jars_and_is_the_last_layer() -> None:
    assert stages()[AOT].startswith(f"FROM {LOCAL}\n")
    assert instruction("COPY")[0] == "--from=aot /opt/kcl/daemon.aot /opt/kcl/daemon.aot"


def services_called() -> set[str]:
    """Return the services of which the worker's modules make clients."""
    found = set()
    for module in (ROOT / "consumer").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("aws.client", "client"):
                found |= {argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)}
    return {str(name) for name in found}


def test_descriptions_of_all_services_that_are_called_stay() -> None:
    kept = set(re.findall(r"! -name ([\w-]+)", stages()["trimmed"]))
    assert kept <= set(botocore.session.Session().get_available_services())
    # CloudWatch's for its endpoint, which KCL uses; the others for keys, and for credentials of roles and sign-ons.
    assert kept == services_called() | {"cloudwatch", "kms", "secretsmanager", "signin", "sso", "sso-oidc", "sts"}


def test_build_says_what_is_missing_where_nothing_can_build(tmp_path: Path) -> None:
    script = ROOT / "deploy" / "image" / "build.py"
    done = subprocess.run(
        [sys.executable, str(script)], check=False, capture_output=True, text=True, env={"PATH": str(tmp_path)}
    )
    assert done.returncode == 1
    assert "docker (with a running daemon), podman or buildah" in done.stderr


def test_named_bases_are_used_and_without_a_registry_ours_for_both(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BASE_IMAGE", "RUST_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(build, "find_base", lambda _: build.BASE)
    assert build.base_images("docker") == {}
    assert build.base_images("buildah") == {"BASE_IMAGE": build.BASE, "RUST_IMAGE": build.BASE}
    monkeypatch.setenv("RUST_IMAGE", "a/rust")
    assert build.base_images("buildah") == {"BASE_IMAGE": build.BASE, "RUST_IMAGE": "a/rust"}
    monkeypatch.setenv("BASE_IMAGE", "a/python")
    assert build.base_images("buildah") == {"BASE_IMAGE": "a/python", "RUST_IMAGE": "a/rust"}


def test_settings_of_registries_are_lent_where_there_are_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    given = {"certificates": "SSL_CERT_FILE", "pip": "PIP_CONFIG_FILE", "apt-sources": "APT_SOURCES"}
    for name, variable in given.items():
        monkeypatch.setenv(variable, str(tmp_path / name))
    assert build.lent() == {}
    files = {name: tmp_path / name for name in given} | {"cargo": tmp_path / "config.toml"}
    for file in files.values():
        file.touch()
    assert build.lent() == files
    # Each is one that the Dockerfile knows, and the other way round.
    assert set(re.findall(r"type=secret,id=([\w-]+)", text())) == set(files)


# Where each program looks for the settings that a secret brings.
SECRETS = {
    "pip": (r"\bpip (?:--\S+ \S+ )?install|fetch_jars --req", {"pip": "/etc/pip.conf"}),
    "apt": (r"\bapt-get update", {"apt-sources": "/etc/apt/sources.list.d/debian.sources"}),
    "cargo": (r"\bmaturin build|\bcargo metadata", {"cargo": "/opt/cargo/config.toml"}),
}
CERTIFICATES = {"certificates": "/etc/ssl/certs/ca-certificates.crt"}


@pytest.mark.parametrize("program", SECRETS)
def test_whatever_asks_a_registry_is_lent_its_settings(program: str) -> None:
    pattern, secrets = SECRETS[program]
    runs = [run for stage in stages().values() for run in re.findall(r"^RUN (.*)$", stage, flags=re.MULTILINE)]
    asking = [run for run in runs if re.search(pattern, run) and "/*.whl /wheels/" not in run]
    assert asking
    for run in asking:
        mounts = dict(re.findall(r"--mount=type=secret,id=([\w-]+),(?:mode=0444,)?target=(\S+)", run))
        assert mounts == secrets | CERTIFICATES, run


def test_jars_that_are_installed_here_are_those_of_the_image() -> None:
    (copied,) = (line for line in instruction("COPY", "kcl") if "jars.txt" in line)
    assert (ROOT / next(word for word in copied.split() if word.endswith("jars.txt"))).samefile(jars.LIST)
    assert jars.compare(jars.hashes(Path(str(distribution("amazon-kclpy").locate_file("amazon_kclpy/jars"))))) == ""


@pytest.mark.parametrize("word", ["uname", "x86", "amd64", "aarch64", "arm64"])
def test_nothing_depends_on_the_architecture(word: str) -> None:
    assert word not in text()


def test_the_page_names_the_image_that_is_built_from_here() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    tags = set(re.findall(r"kinesis-sanitizer:(\d+\.\d+\.\d+)", page))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert tags == {project["version"]}
