"""A permission is missing: KCL goes on trying and owns nothing, and the log says at once which one it is."""

import pytest

from tests.faults import actions
from tests.faults.lab import FaultLab
from tests.faults.messages import Request
from tests.faults.proxy import Rule
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]


@pytest.mark.parametrize(
    "action",
    ["kinesis:GetRecords", "kinesis:ListShards", "dynamodb:UpdateItem"],
)
def test_a_missing_permission_is_named_at_once(lab: FaultLab, action: str) -> None:
    service, _, operation = action.partition(":")
    rules = (lab.kinesis if service == "kinesis" else lab.dynamodb).rules
    lab.set_up(shards=2)
    of_kcl = Rule(actions.denied(action), operation=operation, where=_is_kcl)
    with rules.applied(of_kcl) as rule:
        worker = lab.launch()
        wait_for(lambda: rule.met, "KCL's first try", 60)
        wait_for(lambda: worker.events("daemon.denied"), "a word of it", 15)
    told = worker.events("daemon.denied")
    assert [(line["reason"], line["missing"], line["severity"]) for line in told] == [("permission", action, "error")]
    assert told[0]["status"] == 400
    assert told[0]["service"].lower() == service
    assert len(told[0]["request_id"]) in (36, 52)
    lab.wait_until_owned(2)
    lab.feed(20)
    lab.settle()
    assert lab.stop() == 0


def _is_kcl(request: Request) -> bool:
    return "aws-sdk-java" in request.headers.get("user-agent", "")
