"""The means of the comparison: template, evaluator, recorder."""

import base64
from typing import Any

import orjson
import pytest

from consumer.local.cloud.kinesis.requests import token
from tests.deploy.iam import Call, Difference, Grant, Unknown, compare, is_granted, single, statements_of
from tests.deploy.iam_recorder import Recorder
from tests.deploy.iam_template import Template, Unresolved, arn
from tests.faults.messages import Request
from tests.faults.proxy import Rules

TEXT = """
Parameters:
  Application: {Type: String, Default: app}
  Keyed: {Type: String, Default: "no"}
Conditions:
  HasKey: !Equals [!Ref Keyed, "yes"]
  HasNone: !Not [!Condition HasKey]
  Both: !And [!Condition HasKey, !Condition HasNone]
  Either: !Or [!Condition HasKey, !Condition HasNone]
Resources:
  Stream: {Type: AWS::Kinesis::Stream, Properties: {Name: !Sub "${Application}-stream"}}
  Named: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Ref Application}}
  Unnamed: {Type: AWS::DynamoDB::Table}
  Never: {Type: AWS::SNS::Topic, Condition: Both}
  Role:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: [!Ref Shared]
      Policies:
        - PolicyName: own
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [dynamodb:GetItem, dynamodb:Query]
                Resource: [!GetAtt Named.Arn, !Sub "${Named.Arn}/index/*"]
              - !If
                - HasKey
                - Effect: Allow
                  Action: kms:Decrypt
                  Resource: !Join ["", ["arn:aws:kms:", !Ref "AWS::Region", ":", !Ref "AWS::AccountId", ":key/k"]]
                  Condition: {StringEquals: {"kms:ViaService": !Sub "dynamodb.${AWS::Region}.amazonaws.com"}}
                - !Ref AWS::NoValue
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement: {Effect: Deny, Action: "dynamodb:*", Resource: !GetAtt Unnamed.Arn}
  Attached:
    Type: AWS::IAM::Policy
    Properties:
      Roles: [!Ref Role]
      PolicyDocument:
        Statement: [{Effect: Allow, Action: "dynamodb:Scan", Resource: "*"}]
"""

NAMED = arn("dynamodb", "table/app")
UNNAMED = arn("dynamodb", "table/Unnamed")
KEY = arn("kms", "key/k")
BY_DYNAMODB = frozenset({("kms:ViaService", "dynamodb.us-east-1.amazonaws.com")})


def template(**parameters: str) -> Template:
    return Template(TEXT, parameters)


# The template


def test_resources_of_unmet_conditions_are_not_made() -> None:
    made = template().resources()
    assert "Never" not in made
    assert template().resources("AWS::DynamoDB::Table") == ["Named", "Unnamed"]
    assert template().holds("Either")


def test_what_one_stack_exports_another_imports() -> None:
    text = "{Resources: {}, Outputs: {A: {Value: !Ref AWS::Region, Export: {Name: !Sub '${AWS::StackName}-A'}}}}"
    exports = Template(text, {}, "first").exports()
    assert exports == {"first-A": "us-east-1"}
    importing = Template(TEXT, {}, imports=exports)
    assert importing.resolve({"Fn::ImportValue": {"Fn::Join": ["-", ["first", "A"]]}}) == "us-east-1"
    with pytest.raises(Unresolved, match="nobody exports second-A"):
        importing.resolve({"Fn::ImportValue": "second-A"})


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ({"Fn::Sub": ["${a}-${Application}-${!Literal}", {"a": {"Ref": "AWS::Partition"}}]}, "aws-app-${Literal}"),
        ({"Fn::If": ["HasKey", 1, {"Ref": "AWS::NoValue"}], "b": 2}, None),
        ([{"Fn::If": ["HasKey", 1, {"Ref": "AWS::NoValue"}]}, 2], [2]),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 2}, {"b": 2}),
        ({"Fn::Join": ["/", ["a", {"Ref": "Stream"}]]}, "a/app-stream"),
    ],
)
def test_values(value: Any, resolved: Any) -> None:
    if resolved is None:  # not a lone function: its name is then an ordinary one
        assert template().resolve(value) == {"Fn::If": ["HasKey", 1], "b": 2}
    else:
        assert template().resolve(value) == resolved


@pytest.mark.parametrize(
    "value",
    [{"Fn::ImportValue": "x"}, {"Ref": "Nobody"}, {"Fn::GetAtt": "Never.Arn"}, {"Fn::GetAtt": "Named.StreamArn"}],
)
def test_what_is_not_understood_is_an_error(value: Any) -> None:
    with pytest.raises(Unresolved):
        template().resolve(value)


def test_a_parameter_that_is_not_there_is_an_error() -> None:
    with pytest.raises(Unresolved, match="Aplication"):
        template(Aplication="x")


# The evaluator


def test_a_roles_statements_come_from_all_places() -> None:
    found = statements_of(template(), "Role")
    assert [(each.allows, each.actions) for each in found] == [
        (True, ("dynamodb:GetItem", "dynamodb:Query")),
        (False, ("dynamodb:*",)),
        (True, ("dynamodb:Scan",)),
    ]
    assert len(statements_of(template(Keyed="yes"), "Role")) == 4
    assert len(statements_of(template(), "Shared")) == 1


@pytest.mark.parametrize(
    ("call", "granted"),
    [
        (Call("dynamodb:GetItem", NAMED), True),
        (Call("DynamoDB:getitem", NAMED), True),
        (Call("dynamodb:GetItem", f"{NAMED}/index/i"), True),
        (Call("dynamodb:GetItem", f"{NAMED}2"), False),
        (Call("dynamodb:PutItem", NAMED), False),
        (Call("dynamodb:Scan", NAMED), True),
        (Call("dynamodb:Scan", UNNAMED), False),  # denied
        (Call("kms:Decrypt", KEY, BY_DYNAMODB), True),
        (Call("kms:Decrypt", KEY), False),
        (Call("kms:Decrypt", KEY, frozenset({("kms:ViaService", "kinesis.us-east-1.amazonaws.com")})), False),
    ],
)
def test_calls(call: Call, granted: bool) -> None:  # noqa: FBT001
    assert is_granted(statements_of(template(Keyed="yes"), "Role"), call) == granted


def test_a_comparison_names_what_is_missing_and_what_is_unused() -> None:
    granted = statements_of(template(), "Role")
    calls = {Call("dynamodb:GetItem", NAMED), Call("dynamodb:Query", NAMED), Call("dynamodb:PutItem", NAMED)}
    index = f"{NAMED}/index/*"
    unused = {Grant("dynamodb:GetItem", index), Grant("dynamodb:Query", index), Grant("dynamodb:Scan", "*")}
    assert compare(granted, calls) == Difference(frozenset({("dynamodb:PutItem", NAMED)}), frozenset(unused))
    calls |= {Call("dynamodb:Query", f"{NAMED}/index/i"), Call("dynamodb:Scan", NAMED)}
    found = compare(granted, calls, {index, "*"}).unused
    assert found == {Grant("dynamodb:GetItem", index), Grant("dynamodb:Scan", "*")}  # a scan has a table
    calls.add(Call("dynamodb:Scan", "*"))
    assert compare(granted, calls, {index, "*"}).unused == {Grant("dynamodb:GetItem", index)}
    assert len(single(granted)) == 6


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("{Effect: Allow, NotAction: 'a:B', Resource: '*'}", "NotAction"),
        ("{Effect: Allow, Action: 'a:B', NotResource: 'arn'}", "NotResource"),
        ("{Effect: Perhaps, Action: 'a:B', Resource: '*'}", "Perhaps"),
        ("{Effect: Allow, Action: 'a:B', Resource: '*', Condition: {Bool: {'kms:ViaService': 'true'}}}", "Bool"),
        ("{Effect: Allow, Action: 'a:B', Resource: '*', Condition: {StringEquals: {'aws:Weather': rain}}}", "Weather"),
    ],
)
def test_what_is_not_evaluated_is_an_error(written: str, what: str) -> None:
    changed = TEXT.replace('{Effect: Allow, Action: "dynamodb:Scan", Resource: "*"}', written)
    assert changed != TEXT
    with pytest.raises(Unknown, match=what):
        statements_of(Template(changed, {}), "Role")


def test_a_managed_policy_of_aws_is_an_error() -> None:
    changed = TEXT.replace("ManagedPolicyArns: [!Ref Shared]", "ManagedPolicyArns: ['arn:aws:iam::aws:policy/Admin']")
    with pytest.raises(Unknown, match="managed policy"):
        statements_of(Template(changed, {}), "Role")


# The recorder


def heard(target: str, body: Any) -> Recorder:
    recorder, rules = Recorder(), Rules()
    recorder.listen(rules)
    request = Request("POST", "/", {"x-amz-target": target}, body if isinstance(body, bytes) else orjson.dumps(body))
    assert not any(rule.takes(request) for rule in rules._rules)
    return recorder


STREAM = arn("kinesis", "stream/s")
CIPHERTEXT = base64.b64encode(b"0" * 36 + b"the rest").decode()


@pytest.mark.parametrize(
    ("target", "body", "calls"),
    [
        ("DynamoDB_20120810.Scan", {"TableName": "app"}, {Call("dynamodb:Scan", NAMED)}),
        ("DynamoDB_20120810.Scan", {"TableName": NAMED}, {Call("dynamodb:Scan", NAMED)}),
        (
            "DynamoDB_20120810.Query",
            {"TableName": "app", "IndexName": "i"},
            {Call("dynamodb:Query", f"{NAMED}/index/i")},
        ),
        (
            "DynamoDB_20120810.BatchWriteItem",
            {"RequestItems": {"app": [], "Unnamed": []}},
            {Call("dynamodb:BatchWriteItem", NAMED), Call("dynamodb:BatchWriteItem", UNNAMED)},
        ),
        ("Kinesis_20131202.ListShards", {"StreamName": "s"}, {Call("kinesis:ListShards", STREAM)}),
        ("Kinesis_20131202.GetRecords", {"StreamARN": STREAM}, {Call("kinesis:GetRecords", STREAM)}),
        ("Kinesis_20131202.GetRecords", {"ShardIterator": token({"n": "s"})}, {Call("kinesis:GetRecords", STREAM)}),
        (
            "Kinesis_20131202.SubscribeToShard",
            {"ConsumerARN": f"{STREAM}/consumer/c:1"},
            {Call("kinesis:SubscribeToShard", f"{STREAM}/consumer/c:1")},
        ),
        (
            "TrentService.Decrypt",
            {"CiphertextBlob": CIPHERTEXT, "EncryptionContext": {"id": "a"}},
            {Call("kms:Decrypt", arn("kms", f"key/{'0' * 36}"), frozenset({("kms:EncryptionContext:id", "a")}))},
        ),
        ("secretsmanager.GetSecretValue", {"SecretId": KEY}, {Call("secretsmanager:GetSecretValue", KEY)}),
    ],
)
def test_requests_are_taken_down(target: str, body: Any, calls: set[Call]) -> None:
    recorder = heard(target, body)
    assert (recorder.calls, recorder.strange) == (calls, set())


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("", {}),
        ("AmazonSQS.SendMessage", {}),
        ("DynamoDB_20120810.ListTables", {}),
        ("Kinesis_20131202.ListStreams", {}),
        ("DynamoDB_20120810.Scan", b"no JSON"),
    ],
)
def test_a_request_that_is_not_understood_is_kept_as_such(target: str, body: Any) -> None:
    recorder = heard(target, body)
    assert not recorder.calls
    assert len(recorder.strange) == 1
