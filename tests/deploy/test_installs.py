"""The wheel, installed with each set of extras as docs/install.md says, each in an environment of its own, and used."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from consumer.extras import MODULES

pytestmark = [pytest.mark.package, pytest.mark.timeout(600)]

ROOT: Final = Path(__file__).resolve().parents[2]
NAME: Final = "kinesis-sanitizer"
CANONICAL: Final = (
    '{"user_id": "12345", "credit_card": "4532-1234-5678-9012", "ssn": "123-45-6789", "amount": 149.99,'
    ' "merchant": "Amazon", "timestamp": "2024-03-15T10:30:00Z"}\n'
)
REDACTED: Final = (
    '{"user_id":"12345","credit_card":"****-****-****-9012","amount":149.99,'
    '"merchant":"Amazon","timestamp":"2024-03-15T10:30:00Z"}\n'
)


class Installed(NamedTuple):
    """An environment, in which nothing of this one can be found."""

    folder: Path

    def run(self, *command: str, stdin: str = "", status: int = 0) -> str:
        """Return what a command of the environment writes; stderr where it shall fail."""
        program, *arguments = command
        ran = subprocess.run(
            [self.folder / "bin" / program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            cwd=self.folder,
            env={"PATH": f"{self.folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(self.folder)},
        )
        assert ran.returncode == status, ran.stdout + ran.stderr
        return ran.stderr if status else ran.stdout

    def has(self, modules: Sequence[str]) -> list[str]:
        """Return which of these modules there are."""
        program = "import sys, importlib.util as u; print(*[name for name in sys.argv[1:] if u.find_spec(name)])"
        return self.run("python", "-c", program, *modules).split()


def uv(*arguments: str | Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "uv", *arguments, "--quiet"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "kinesis_sanitizer.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("consumer", "redaction"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", made, source)
    (found,) = made.glob("*.whl")
    return found


def install(folder: Path, wheel: Path, requirements: str, extra: str = "") -> Installed:
    uv("venv", "--python", sys.executable, folder)
    pip = ["pip", "install", "--python", str(folder)]
    locked = ["--require-hashes", "--no-build-isolation", "-r", str(ROOT / "requirements" / requirements)]
    if extra:  # kclpy comes as source
        uv(*pip, "--require-hashes", "-r", ROOT / "requirements/build.txt")
    uv(*pip, *locked)
    if extra:
        uv("pip", "uninstall", "--python", folder, "setuptools", "wheel")
    # From nowhere: what is locked is all that the wheel asks for.
    uv(*pip, "--no-index", "--offline", f"{NAME}{extra} @ {wheel.as_uri()}")
    return Installed(folder)


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("base"), wheel, "base.txt")


@pytest.fixture(scope="module")
def worker(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("worker"), wheel, "runtime.txt", "[worker]")


@pytest.fixture(scope="module")
def local(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("local"), wheel, "local.txt", "[local]")


@pytest.fixture(scope="module")
def client(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """As docs/recipes.md says for an application that minds each package; with mypy, to look at the types."""
    folder = tmp_path_factory.mktemp("client")
    uv("venv", "--python", sys.executable, folder)
    pins = ["-c", str(ROOT / "requirements/dev.txt")]
    uv("pip", "install", "--python", folder, *pins, "botocore", "orjson", "mypy")
    uv("pip", "install", "--python", folder, "--no-index", "--no-deps", f"{NAME} @ {wheel.as_uri()}")
    return Installed(folder)


def refusal(extra: str) -> str:
    return f'sanitizer: This command needs the extra "{extra}": pip install "{NAME}[{extra}]".\n'


def test_the_client_alone_is_enough_to_look_documents_up_and_is_typed(client: Installed) -> None:
    assert client.has(["click", "pydantic", "re2", "cryptography"]) == []
    (client.folder / "mine.py").write_text(
        "import os\n"
        "from datetime import UTC, datetime\n"
        "from consumer.documents import Documents, Page, ReadFailed\n"
        "os.environ |= {'AWS_ACCESS_KEY_ID': 'x', 'AWS_SECRET_ACCESS_KEY': 'x'}\n"
        "documents = Documents('table', region_name='eu-central-1', endpoint_url='http://127.0.0.1:9')\n"
        "Page([], 1)  # type: ignore[arg-type]\n"  # which would be one too many, if the types were not seen
        "try:\n"
        "    print([each.json() for each in documents.iterate('1', after=datetime.now(UTC))])\n"
        "except ReadFailed as error:\n"
        "    print(error.reason)\n"
    )
    assert client.run("python", "mine.py") == "unreachable\n"
    assert client.run("python", "-m", "mypy", "--strict", "mine.py").startswith("Success: ")


def test_the_base_redacts_and_has_no_extra(base: Installed) -> None:
    assert base.has(sorted(MODULES["worker"] | MODULES["local"])) == ["urllib3"]  # botocore's
    assert base.run("sanitizer", "redact", stdin=CANONICAL) == REDACTED
    assert "redact" in base.run("sanitizer", "--help")


def test_the_base_works_with_policies_and_settings(base: Installed) -> None:
    mine = base.folder / "mine.yaml"
    mine.write_text("name: mine\nversion: '1'\nextends: default\nfields: [{id: memo, action: drop, names: [memo]}]\n")
    (base.folder / "mine.test.yaml").write_text("tests: [{name: memos go, input: {memo: x, n: 1}, output: {n: 1}}]\n")
    assert base.run("sanitizer", "policy", "check", "default", "mine.yaml").count(": ok: ") == 2
    assert base.run("sanitizer", "policy", "show", "pci-dss").startswith("pci-dss, version ")
    assert "passed, 0 failed" in base.run("sanitizer", "policy", "test", "default", "mine.yaml")
    assert base.run("sanitizer", "policy", "diff", "default", "mine.yaml").startswith("added fields memo")
    assert base.run("sanitizer", "config", "check").startswith("The settings are valid; ")
    assert json.loads(base.run("sanitizer", "config", "show", "--json"))["http"]["port"] == 9464


def test_the_base_has_all_of_redaction_and_looks_documents_up(base: Installed) -> None:
    modules = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in (ROOT / "redaction").rglob("*.py")]
    base.run("python", "-c", "\n".join(f"import {name.removesuffix('.__init__')}" for name in modules))
    program = (
        "import sys\nfrom consumer.documents import Documents\nDocuments('table', region_name='eu-central-1')\n"
        "print(sorted({'amazon_kclpy', 'prometheus_client', 'pydantic', 'structlog'} & set(sys.modules)))"
    )
    assert base.run("python", "-c", program) == "[]\n"
    assert "PARTITION" in base.run("sanitizer", "get", "--help")


def test_the_base_says_what_is_missing(base: Installed) -> None:
    assert base.run("sanitizer", "run", status=2) == refusal("worker")
    assert base.run("sanitizer", "demo", status=2) == refusal("local")
    assert base.run("python", "-m", "consumer.local", status=2) == refusal("local")


def test_the_worker_runs_all_but_the_embedded_cloud(worker: Installed) -> None:
    assert worker.has(sorted(MODULES["worker"])) == sorted(MODULES["worker"])
    assert worker.has(sorted(MODULES["local"])) == []
    assert "--config" in worker.run("sanitizer", "run", "--help")
    assert worker.run("sanitizer", "config", "check").startswith("The settings are valid; ")
    for name in ("backfill", "doctor", "quarantine"):
        assert worker.run("sanitizer", name, "--help")
    worker.run("python", "-c", "import consumer.kcl.processor, consumer.worker.pipeline_process, consumer.sink_testing")
    assert worker.run("sanitizer", "demo", status=2) == refusal("local")
    assert worker.run("python", "-m", "consumer.local", status=2) == refusal("local")


def test_the_demo_runs_on_the_listed_jars(local: Installed) -> None:
    said = local.run("sanitizer", "demo", "--records", "200", status=1)
    assert "not those that this version is made for" in said
    assert "run `python -m consumer.kcl.jvm.fetch_jars`" in said
    local.run("python", "-m", "consumer.kcl.jvm.fetch_jars")
    local.run("sanitizer", "demo", "--records", "200", "--shards", "2", "--report", "report.json")
    report = json.loads((local.folder / "report.json").read_text(encoding="utf-8"))
    assert (report["produced"], report["lost"], report["leaks"]) == (200, 0, 0), report
