"""Credentials expire and are rotated under load, as on ECS: the worker goes on with the new ones by itself."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import actions
from tests.faults.credential_source import LIFETIME_SECONDS, CredentialSource
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.messages import Request
from tests.faults.proxy import Rule
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

RATE = 80.0


@pytest.fixture
def source(tmp_path: Path) -> Iterator[CredentialSource]:
    made = CredentialSource(tmp_path)
    yield made
    made.close()


class Signers:
    """Who signed what passed a proxy."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    def __call__(self, request: Request) -> bool:
        self.keys.add(request.access_key)
        return False


@pytest.mark.parametrize("way", ["container", "process"])
@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
def test_a_key_is_rotated_and_the_old_one_refused(lab: FaultLab, source: CredentialSource, way: str, code: str) -> None:
    if way == "process" and code != "ExpiredTokenException":
        code = "InvalidSignatureException"
    lab.without = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    lab.variables = source.container() if way == "container" else source.process()
    renewed = threading.Event()
    renewing = threading.Thread(target=_renew, args=(source, renewed), daemon=True)
    renewing.start()
    signers = {"dynamodb": Signers(), "kinesis": Signers()}
    lab.set_up(shards=2)
    for name, proxy in (("dynamodb", lab.dynamodb), ("kinesis", lab.kinesis)):
        proxy.rules.add(Rule(actions.late(0), where=signers[name]))
    lab.start()
    refused: set[str] = set()
    for proxy in (lab.dynamodb, lab.kinesis):
        proxy.rules.add(Rule(actions.expired(refused, code)))
    with Load(lab, RATE) as load:
        load.wait_for(60)
        assert all("FIRST" in each.keys for each in signers.values())
        refused.add("FIRST")  # for a while, nobody has a good key
        load.wait_for(int(RATE * 3))
        source.rotate("SECOND")
        wait_for(lambda: all("SECOND" in each.keys for each in signers.values()), "the new key", 60)
        load.wait_for(60)
    lab.settle(timeout=120)
    renewed.set()
    renewing.join(10)
    assert lab.stop() == 0


def _renew(source: CredentialSource, ended: threading.Event) -> None:
    """The same key for longer, as a source does before each expiry."""
    while not ended.wait(LIFETIME_SECONDS / 3):
        source.rotate(source.key)
