"""All workers of an application agree upon what is remembered of it, and KCL lets it be."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import pytest

from consumer import aws
from consumer.kcl.leases.application_item import _NAMES, ApplicationItem, Facts
from consumer.kcl.leases.tables import LeaseTables, tables_of

ARN = "arn:aws:kinesis:eu-central-1:000000000000:stream/transactions"


@pytest.fixture
def application(_in_the_cloud: None, request: pytest.FixtureRequest) -> str:
    name = f"a{abs(hash(request.node.name))}"
    for table in tables_of(name):
        aws.client("dynamodb").create_table(**table.request)
    return name


@pytest.fixture
def item(application: str) -> ApplicationItem:
    return ApplicationItem(aws.client("dynamodb"), application)


def test_each_fact_has_an_attribute() -> None:
    assert [each.name for each in fields(Facts)] == list(_NAMES)
    assert len(set(_NAMES.values())) == len(_NAMES)
    assert not {"key", "entityType"} & set(_NAMES.values())


def test_what_was_settled_stays(item: ApplicationItem) -> None:
    assert item.read() == Facts()
    assert item.settle(Facts()) == Facts()
    first = Facts(ARN, 1_700_000_000_123)
    assert item.settle(first) == first
    both = item.settle(Facts("another", 5, 77))
    assert both == Facts(ARN, 1_700_000_000_123, 77) == item.read()


def test_what_changes_is_written_over_and_the_rest_stays(item: ApplicationItem) -> None:
    item.settle(Facts(ARN, 5, 77))
    assert item.change(Facts(starts_at=78)) == Facts(ARN, 5, 78) == item.read()


def test_of_several_workers_one_is_first_and_all_hear_the_same(item: ApplicationItem) -> None:
    with ThreadPoolExecutor(8) as pool:
        heard = set(pool.map(lambda number: item.settle(Facts(f"arn-{number}", number, number)), range(8)))
    assert len(heard) == 1
    assert heard == {item.read()}


def test_the_leader_is_read_and_cleared_beside_it(item: ApplicationItem, application: str) -> None:
    item.settle(Facts(ARN, 5))
    tables = LeaseTables(aws.client("dynamodb"), application)
    assert (tables.leader(), tables.resign("somebody"), tables.leases()) == (None, False, [])
    assert item.read() == Facts(ARN, 5)
