"""What holds data: tables as the service wants them, encrypted, and kept whatever happens to the stack."""

from typing import Any

import pytest

from consumer import tables
from consumer.dynamodb import schema
from consumer.settings import Settings, load_settings
from tests.deploy.template import EVERYTHING, FOREIGN, SIZES, Stacks, document, stack

STATEFUL = (
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Kinesis::Stream",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
)


def table_properties(chosen: Stacks) -> dict[str, dict[str, Any]]:
    """Return the properties of each table by its name."""
    properties = [chosen.properties(name) for name in chosen.resources("AWS::DynamoDB::Table")]
    return {each["TableName"]: each for each in properties}


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> list[schema.Table]:
    """Return the tables that the worker of this very task wants."""
    for name, value in stack().environment().items():
        monkeypatch.setenv(name, value)
    return tables.wanted(load_settings(None))


def test_tables_are_those_that_the_worker_wants(wanted: list[schema.Table]) -> None:
    made = table_properties(stack())
    assert set(made) == {table.name for table in wanted}
    for table in wanted:
        for member in ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode"):
            assert made[table.name].get(member) == table.request.get(member), table.name


def test_tables_of_another_application_have_its_name() -> None:
    made = table_properties(stack(ApplicationName="second"))
    assert {"second", "second-WorkerMetricStats", "second-CoordinatorState"} < set(made)


def test_entries_expire_by_the_attribute_that_the_worker_writes(wanted: list[schema.Table]) -> None:
    made = table_properties(stack())
    for table in wanted:
        expires = made[table.name].get("TimeToLiveSpecification")
        # The output table's is on whatever the settings say: no item has the attribute unless output.ttl_days is set.
        by = table.expires_by or ("_sanitizer_ttl" if table.name == Settings().output.table else None)
        assert expires == ({"AttributeName": by, "Enabled": True} if by else None)


def test_what_holds_data_can_be_recovered(wanted: list[schema.Table]) -> None:
    made = table_properties(stack())
    for table in wanted:
        recovery = made[table.name].get("PointInTimeRecoverySpecification", {})
        is_leases = table.name == Settings().kcl.application  # to read an hour again beats to read all of it again
        assert recovery.get("PointInTimeRecoveryEnabled", False) is (table.holds_data or is_leases)


def test_nothing_with_a_state_goes_with_the_stack() -> None:
    chosen = stack()
    kept = chosen.resources(*STATEFUL)
    assert len(kept) == 9
    for name in kept:
        resource = document("data")["Resources"][name]  # and of no other stack
        assert resource["UpdateReplacePolicy"] == "Retain", name
        # A protected table stays after a first deployment that failed, whatever is said.
        kept_always = resource["Type"] == "AWS::DynamoDB::Table"
        assert resource["DeletionPolicy"] == ("Retain" if kept_always else "RetainExceptOnCreate"), name
    for properties in table_properties(chosen).values():
        assert properties["DeletionProtectionEnabled"] is True


def keys_used(chosen: Stacks) -> dict[str, str]:
    """Return the KMS key of each stateful resource."""
    found: dict[str, str] = {}
    for name in chosen.resources(*STATEFUL):
        properties = chosen.properties(name)
        key = (
            properties.get("SSESpecification", {}).get("KMSMasterKeyId")
            or properties.get("StreamEncryption", {}).get("KeyId")
            or properties.get("KmsKeyId")
        )
        if name != "Key":
            found[name] = str(key)
    return found


def test_everything_is_encrypted_with_one_key_of_ours() -> None:
    chosen = stack()
    assert set(keys_used(chosen).values()) == {"arn:aws:kms:us-east-1:123456789012:key/Key"}
    assert chosen.properties("Key")["EnableKeyRotation"] is True
    for properties in table_properties(chosen).values():
        assert properties["SSESpecification"]["SSEType"] == "KMS"
    assert chosen.properties("Stream")["StreamEncryption"]["EncryptionType"] == "KMS"


def test_given_keys_take_the_place_of_ours() -> None:
    given = stack(**FOREIGN)
    assert set(keys_used(given).values()) == {FOREIGN["KmsKeyArn"]}
    assert not given.resources("AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::Kinesis::Stream")
    mixed = keys_used(
        stack(StreamKmsKeyArn=FOREIGN["StreamKmsKeyArn"], FingerprintKmsKeyArn=FOREIGN["FingerprintKmsKeyArn"])
    )
    assert mixed["Stream"] == FOREIGN["StreamKmsKeyArn"]
    assert mixed["FingerprintSecret"] == FOREIGN["FingerprintKmsKeyArn"]
    assert mixed["OutputTable"].endswith("key/Key")


def test_logs_may_use_the_key_for_this_group_alone() -> None:
    chosen = stack()
    root, logs = chosen.properties("Key")["KeyPolicy"]["Statement"]
    assert root["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert logs["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    context = logs["Condition"]["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"]
    assert context.endswith(f":log-group:{chosen.properties('LogGroup')['LogGroupName']}")


def test_logs_are_kept_for_a_year() -> None:
    assert int(stack().properties("LogGroup")["RetentionInDays"]) >= 365  # PCI DSS 10.5.1
    assert min(document("data")["Parameters"]["LogRetentionDays"]["AllowedValues"]) >= 365


@pytest.mark.parametrize("size", SIZES)
def test_a_size_has_its_shards(size: str) -> None:
    properties = stack(size).properties("Stream")
    assert properties["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert int(properties["ShardCount"]) >= 2
    assert int(properties["RetentionPeriodHours"]) >= 48  # a weekend's trouble is not a loss


def test_stream_on_demand_has_no_shard_count() -> None:
    properties = stack(StreamMode="ON_DEMAND").properties("Stream")
    assert properties["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert "ShardCount" not in properties


def test_output_table_is_on_demand_and_as_warm_as_its_load() -> None:
    assert "WarmThroughput" not in stack().properties("OutputTable")
    assert "OnDemandThroughput" not in stack().properties("OutputTable")
    properties = stack(**EVERYTHING).properties("OutputTable")
    assert properties["WarmThroughput"] == {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": "75000"}
    assert properties["OnDemandThroughput"] == {"MaxWriteRequestUnits": "90000"}
    assert "ProvisionedThroughput" not in properties


def test_output_table_may_be_provisioned() -> None:
    properties = stack(**FOREIGN, OutputWriteCapacity="60000", OutputMaxWriteUnits="1").properties("OutputTable")
    assert properties["BillingMode"] == "PROVISIONED"
    assert properties["ProvisionedThroughput"] == {"ReadCapacityUnits": 100, "WriteCapacityUnits": "60000"}
    assert "OnDemandThroughput" not in properties  # DynamoDB refuses both


def test_a_generated_secret_is_long_enough_for_the_setting() -> None:
    generated = stack().properties("FingerprintSecret")["GenerateSecretString"]
    assert generated["PasswordLength"] >= 32


def test_fan_out_consumer_is_of_the_stream_that_is_read() -> None:
    assert not stack().resources("AWS::Kinesis::StreamConsumer")
    for others in ({}, {"CreateStream": "false", "StreamName": "theirs"}):
        chosen = stack(RetrievalMode="FANOUT", **others)
        name = chosen.environment()["SANITIZER_STREAM__NAME"]
        consumer = chosen.properties("Consumer")
        assert consumer["StreamARN"] == f"arn:aws:kinesis:us-east-1:123456789012:stream/{name}"
