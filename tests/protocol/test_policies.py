"""What a pipeline process does with keys, a candidate policy, and its counts by field."""

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from consumer.metrics.collector import WorkerCollector
from consumer.worker.control import Exit
from tests.kits.daemon import SECONDS, record

SECRET = base64.b64encode(bytes(range(32))).decode()


def scraped(worker: Any) -> dict[tuple[str, ...], int]:
    """Return the samples of the families by the values of their labels."""
    wanted = ("sanitizer_candidate_records", "sanitizer_candidate_differences", "sanitizer_field_values")
    collector = WorkerCollector(worker.folder.metrics, {"name": "", "version": "", "digest": ""})
    return {
        tuple(sample.labels[label] for label in ("path", "change", "result") if label in sample.labels): int(
            sample.value
        )
        for family in collector.collect()
        if family.name in wanted
        for sample in family.samples
    }


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "keys.yaml").write_text(f"customer: [{{id: a, secret: {SECRET}}}]\n")
    tokenised = "fields: [{id: user, names: [user_id], action: {tokenise: {key: customer, key_id: a}}}]"
    names = {"live": f"extends: default\n{tokenised}", "candidate": tokenised}
    for name, text in names.items():
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nversion: '1'\n{text}\n")
    return {name: str(tmp_path / f"{name}.yaml") for name in ("keys", *names)}


def test_the_candidate_is_counted_and_the_live_policy_is_stored(own_worker: Any, files: dict[str, str]) -> None:
    worker = own_worker(
        redaction={
            "options": {"policy": files["live"]},
            "keys": files["keys"],
            "candidate": {"policy": files["candidate"]},
        }
    )
    child = worker.child().initialize()
    batch = [record(number) for number in range(1, 9)]
    assert child.process_records(*batch, record(9, data=b"no json")) == [("9", 0)]
    documents = worker.documents(child.shard)
    assert len(documents) == 8
    assert all(user.startswith("tok_user_a_") for user in documents)
    assert {document["credit_card"] for document in documents.values()} == {"****-****-****-9012"}
    assert {key: n for key, n in scraped(worker).items() if n} == {
        ("different",): 8,
        ("same",): 1,
        ("credit_card", "hidden -> released"): 8,
        ("ssn", "dropped -> released"): 8,
    }
    assert child.hang_up() == 0
    worker.process.tell(Exit())
    assert worker.process.wait(SECONDS) == 0
    assert {key: n for key, n in scraped(worker).items() if key[-1] in ("released", "redacted")} == {
        ("user_id", "redacted"): 8,
        ("credit_card", "redacted"): 8,
        ("ssn", "redacted"): 8,
        ("(other)", "released"): 8,  # the policy holds no such name, and it has not recurred
    }


def test_a_worker_does_not_start_with_a_candidate_that_is_wrong(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("redaction: {candidate: {policy: /nowhere/next.yaml}}")
    ran = subprocess.run(
        [sys.executable, "-m", "consumer.cli", "run", "--config", settings], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("sanitizer: redaction.candidate: /nowhere/next.yaml: ")
