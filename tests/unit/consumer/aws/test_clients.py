"""What AWS's errors mean; their text, which repeats request values, is never shown."""

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.exceptions as be
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer import aws
from consumer.aws import clients
from consumer.aws.errors import CredentialsExpired
from consumer.errors import NotConfigured

CANARY = "4111111111111111"


def client_error(code: str, **more: Any) -> be.ClientError:
    answer = {"Error": {"Code": code, "Message": f"Value '{CANARY}' at 'x' failed"}, **more}
    return be.ClientError(answer, f"Op{CANARY}")  # type: ignore[arg-type]


CASES = [
    (client_error("AccessDeniedException"), "permission", "not permitted"),
    (client_error("ExpiredTokenException"), "credentials", "credentials"),
    (client_error("UnrecognizedClientException"), "credentials", "credentials"),
    (client_error("ResourceNotFoundException"), "missing", "There is no table orders"),
    (client_error("ThrottlingException"), "throttled", "is throttled"),
    (client_error("ProvisionedThroughputExceededException"), "throttled", "is throttled"),
    (client_error("ValidationException"), "refused", "failed"),
    (client_error("InternalServerError"), "service", "failed"),
    (client_error("SomethingOfTomorrow"), "service", "failed"),
    (be.ClientError({}, "Op"), "service", "failed (Unknown)"),
    (be.NoCredentialsError(), "credentials", "credentials"),
    (be.PartialCredentialsError(provider=CANARY, cred_var=CANARY), "credentials", "credentials"),
    (be.EndpointConnectionError(endpoint_url=f"http://{CANARY}"), "unreachable", "cannot be reached"),
    (be.ReadTimeoutError(endpoint_url=f"http://{CANARY}"), "unreachable", "cannot be reached"),
    (be.ConnectTimeoutError(endpoint_url=f"http://{CANARY}"), "unreachable", "cannot be reached"),
    (OSError(111, CANARY), "unreachable", "cannot be reached"),
    (be.ParamValidationError(report=CANARY), "service", "failed"),
    (CredentialsExpired(), "credentials", "credentials"),
    (RuntimeError(CANARY), "service", "failed"),
    (RecursionError(CANARY), "service", "failed"),
]


@pytest.mark.parametrize(("error", "reason", "said"), CASES, ids=lambda case: type(case).__name__)
def test_each_error_is_classified_and_explained_without_its_text(error: Exception, reason: str, said: str) -> None:
    assert aws.reason(error) == reason
    sentence = aws.explain(error, "dynamodb:DescribeTable", "table orders")
    assert said in sentence
    assert "dynamodb:DescribeTable" in sentence or reason == "missing"
    assert CANARY not in sentence + aws.error_code(error) + str(aws.request_id(error))


@pytest.mark.parametrize(("error", "reason"), [case[:2] for case in CASES if isinstance(case[0], be.ClientError)])
def test_a_code_alone_is_classified_as_the_error_is(error: be.ClientError, reason: str) -> None:
    assert aws.reason_of(aws.error_code(error)) == reason
    assert reason in aws.REASONS


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"m"}', "ThrottlingException"),
        (b'{"__type":"ThrottlingException"}', "ThrottlingException"),
        (b'{"__type":"a#b#InternalServerError"}', "InternalServerError"),
        (b'{"__type":"x#' + b"E" * 81 + b'"}', ""),
        (b'{"__type":"x#4111111111111111"}', ""),
        (b'{"__type":"x#Two words"}', ""),
        (b'{"__type":"x#Line\\n"}', ""),
        ('{"__type":"x#Ａ"}'.encode(), ""),  # noqa: RUF001 - meant
        (b'{"__type":"x#"}', ""),
        (b'{"__type":5}', ""),
        (b'{"message":"m"}', ""),
        (b"[]", ""),
        (b'"__type"', ""),
        (b"null", ""),
        (b"", ""),
        (b"<html>4111111111111111</html>", ""),
        (b'{"__type":' + b"[" * 5000, ""),
    ],
)
def test_a_code_is_found_in_an_answer_and_never_anything_else(body: bytes, code: str) -> None:
    assert aws.code_of(body) == code


@given(st.binary() | st.text().map(lambda text: orjson.dumps({"__type": text})))
def test_whatever_the_answer_a_code_is_letters(body: bytes) -> None:
    code = aws.code_of(body)
    assert not code or (code.isascii() and code.isalpha() and len(code) <= 80)
    assert aws.reason_of(code) in aws.REASONS


def test_the_code_and_the_request_id_are_awss_own() -> None:
    error = client_error("ThrottlingException", ResponseMetadata={"RequestId": "REQ-1"})
    assert (aws.error_code(error), aws.request_id(error)) == ("ThrottlingException", "REQ-1")
    assert aws.request_id(OSError()) is None
    assert len(aws.error_code(client_error("x" * 500))) == 80


@pytest.mark.parametrize("defect", [RuntimeError, RecursionError, NotImplementedError])
def test_a_defect_is_nothing_that_a_call_may_raise(defect: type[Exception]) -> None:
    assert not issubclass(defect, aws.CALL_ERRORS)


def test_who_asks_for_the_same_client_gets_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made = aws.client("dynamodb", retries=1)
    assert aws.client("dynamodb", retries=1) is made
    others = [
        aws.client("dynamodb"),
        aws.client("dynamodb", retries=1, timeout=1),
        aws.client("dynamodb", retries=1, endpoint="https://127.0.0.1:1"),
        aws.client("kinesis", retries=1),
        aws.own_client("dynamodb", retries=1),
    ]
    assert len({made, *others}) == 1 + len(others)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:2")
    assert aws.client("dynamodb", retries=1).meta.endpoint_url == "https://127.0.0.1:2"


def test_threads_that_ask_at_once_get_one_session_and_one_client() -> None:
    at_once = threading.Barrier(8)

    def ask() -> tuple[object, object]:
        at_once.wait()
        return aws.session(), aws.client("kinesis")

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask) for _ in range(8)]
    assert len({each.result() for each in asked}) == 1


def test_credentials_that_come_later_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(be.NoCredentialsError):
        aws.client("dynamodb").list_tables()
    file.write_text("[default]\naws_access_key_id = A\naws_secret_access_key = B\n")
    with pytest.raises(be.EndpointConnectionError):
        aws.client("dynamodb").list_tables()


def test_no_region_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for use in (aws.region, lambda: aws.client("dynamodb")):
        with pytest.raises(NotConfigured, match="set AWS_REGION"):
            use()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"AWS_ENDPOINT_URL_DYNAMODB": "u:secret@host"}, "AWS_ENDPOINT_URL_DYNAMODB is no URL of dynamodb"),
        ({"AWS_ENDPOINT_URL": "http://[::secret"}, "AWS_ENDPOINT_URL is no URL of dynamodb"),
        ({"AWS_PROFILE": "missing"}, "There is no AWS profile 'missing': correct AWS_PROFILE"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "a b"}, "'a b' is no AWS region: correct AWS_DEFAULT_REGION"),
        ({"AWS_CONFIG_FILE": __file__}, f"{re.escape(__file__)} cannot be read: correct it, or AWS_CONFIG_FILE"),
        ({"AWS_DEFAULTS_MODE": "secret"}, r"\(InvalidDefaultsMode\): correct AWS_DEFAULTS_MODE"),
        ({"AWS_METADATA_SERVICE_TIMEOUT": "secret"}, r"\(ValueError\): correct AWS's variables and files, one of"),
        (
            {"AWS_METADATA_SERVICE_TIMEOUT": "secret", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            r"\(ValueError\): correct AWS's variables and files, one of",
        ),
    ],
)
def test_what_is_configured_wrongly_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(NotConfigured, match=sentence) as raised:
        aws.client("dynamodb")
    assert "secret" not in str(raised.value)


def test_an_endpoint_that_a_caller_names_is_not_sought_in_the_variables() -> None:
    with pytest.raises(NotConfigured, match="The endpoint is no URL of kinesis"):
        aws.own_client("kinesis", endpoint="not a url")


def test_the_region_of_a_profile_that_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with pytest.raises(NotConfigured, match="There is no AWS profile 'missing'"):
        aws.region()


def test_the_standard_endpoint_is_no_custom_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws.custom_endpoint("kinesis") is None
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:1")
    assert aws.custom_endpoint("kinesis") == "http://127.0.0.1:1"
    assert aws.custom_endpoint("dynamodb") is None


def test_the_region_is_that_of_aws_region_which_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    assert aws.region() == "eu-west-1"
    assert aws.client("dynamodb").meta.region_name == "eu-west-1"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert aws.region() == "eu-west-1"
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    assert aws.region() == "us-east-2"


@pytest.mark.parametrize(
    "url",
    [
        "http://dynamodb.eu-central-1.amazonaws.com",
        "http://8.8.8.8:8000",
        "HTTP://kinesis.example.com",
        "http://user:secret@[2001:4860:4860::8888]:1",
        "http://cloud.example.com.:4566",
    ],
)
@pytest.mark.parametrize("service", ["dynamodb", "kinesis", "kms", "secretsmanager"])
def test_nothing_is_said_in_clear_to_a_public_address(service: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(NotConfigured, match=f"The endpoint for {service} is .*in clear.*https") as refused:
        aws.client(service)
    assert "secret" not in str(refused.value).replace("secretsmanager", "")


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("https://kinesis.eu-central-1.amazonaws.com", False),
        ("http://127.0.0.1:4566", False),
        ("http://localhost:4566", False),
        ("http://[::1]:4566", False),
        ("http://cloud:4566", True),
        ("http://10.0.0.7:4566", True),
        ("http://host.docker.internal:4566", True),
        ("http://localstack.default.svc.cluster.local:4566", True),
    ],
)
def test_what_is_said_in_clear_on_a_private_network_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch, *, is_told: bool
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", url)
    made = [aws.client("dynamodb"), aws.client("kinesis")]
    assert aws.clear_endpoints(made) == ([("kinesis", url)] if is_told else [])


def test_a_child_after_a_fork_makes_its_own_even_if_somebody_was_making_one() -> None:
    """Over its parent's connections a child would read another's answers; for the lock it would wait for ever."""
    mine = aws.client("dynamodb")
    held = threading.Event()
    done = threading.Event()

    def hold() -> None:
        with clients._lock:
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    child = os.fork()
    if child == 0:
        os._exit(0 if aws.client("dynamodb") is not mine else 1)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert aws.client("dynamodb") is mine


def test_new_keys_in_the_file_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    seen = []
    for number, key in enumerate(("OLD", "NEW"), start=1):
        file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = x\n")
        os.utime(file, ns=(number, number))
        credentials = aws.session().get_credentials()
        assert credentials
        seen.append(credentials.access_key)
    assert seen == ["OLD", "NEW"]
