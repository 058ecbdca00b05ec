r"""Where the keys of tokens and ciphertexts come from: a file, or a secret of AWS Secrets Manager.

Read once, when the first rule that needs a key is compiled: a policy without such rules calls nothing. Keys that are
`encrypted` in it are decrypted with AWS KMS, under an encryption context that names the key and its id, so that none
can be put in another's place and a role can be given some and not others. One is made, without ever being shown, by

    aws kms generate-data-key-without-plaintext --key-id alias/NAME --key-spec AES_256 \
        --encryption-context application=kinesis-sanitizer,key=KEY,id=ID
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from consumer import aws
from consumer.errors import NotConfigured, StartError
from redaction.keys import Key, KeyProvider, KeyUnavailable, KnownKeys, parse_keys

APPLICATION: Final = "kinesis-sanitizer"

_ARN: Final = "arn:"
_RETRIES: Final = 3


class SourceUnreachable(KeyUnavailable):
    """The keys may be all right where they are; it is the file, AWS or a permission that is not."""


def key_provider(source: str | None) -> KeyProvider | None:
    """Return the provider for the setting `redaction.keys`; nothing is read yet.

    :param source: path of a key file; ARN of a secret, or ``secretsmanager:`` and its name; None for no keys.
    :raises KeyUnavailable: the ARN is not that of a secret.
    """
    if source is None:
        return None
    if aws.is_secret(source):
        return SecretKeys(source)
    if source.startswith(_ARN):
        raise KeyUnavailable(f"redaction.keys: {source}: must be a path, or the ARN of a Secrets Manager secret")
    return FileKeys(Path(source))


class StoredKeys(ABC):
    """A key file (see `redaction.keys.parse_keys` for its format), wherever it lies."""

    def __init__(self, title: str) -> None:
        self._title = title

    def keys(self, name: str) -> Sequence[Key]:
        """Return the live keys of that name.

        :raises KeyUnavailable: there is no such file, secret or key, access is not permitted, or KMS does not decrypt.
        """
        return self._known.keys(name)

    @cached_property
    def _known(self) -> KnownKeys:
        return KnownKeys(parse_keys(self._read(), self._title, _decrypt), self._title)

    @abstractmethod
    def _read(self) -> str: ...


class FileKeys(StoredKeys):
    """The keys of a local file."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"key file {path}")
        self._path = path

    def _read(self) -> str:
        try:
            return self._path.read_bytes().decode("utf-8", "replace")  # what is no UTF-8 is no proper key either
        except OSError as error:
            message = f"{self._title} cannot be read ({error.strerror}): correct redaction.keys"
            is_elsewhere = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
            raise (KeyUnavailable if is_elsewhere else SourceUnreachable)(message) from None


class SecretKeys(StoredKeys):
    """The keys of a Secrets Manager secret, whose current SecretString is the text of a key file.

    :param secret: its ARN, or ``secretsmanager:`` and its name.
    """

    def __init__(self, secret: str) -> None:
        super().__init__(f"secret {secret.removeprefix(aws.SECRET_PREFIX)}")
        self._secret = secret

    def _read(self) -> str:
        try:
            text = aws.read_secret(self._secret)
        except StartError as error:
            raise _kind_of(error)(str(error)) from None
        if not text:
            raise KeyUnavailable(f"{self._title} holds no text: store the key file as its SecretString")
        return text


def encryption_context(name: str, key_id: str) -> dict[str, str]:
    """Return the KMS encryption context of an encrypted key."""
    return {"application": APPLICATION, "key": name, "id": key_id}


def _decrypt(name: str, key_id: str, blob: bytes) -> bytes:
    target = f"key {name!r}, id {key_id!r}"
    context = encryption_context(name, key_id)
    problem = ""
    kind: type[KeyUnavailable] = SourceUnreachable
    try:
        answer = aws.client("kms", retries=_RETRIES).decrypt(CiphertextBlob=blob, EncryptionContext=context)
    except StartError as error:
        problem, kind = str(error), _kind_of(error)
    except aws.CALL_ERRORS as error:
        problem = aws.explain(error, "kms:Decrypt", target)
        if aws.error_code(error) == "InvalidCiphertextException":
            problem += " It must have been encrypted with the context application, key, id of this very key."
    else:
        plaintext: bytes = answer["Plaintext"]
        return plaintext
    # Here, so that the error that repeats what was sent is not even the context of this one.
    raise kind(problem)


def _kind_of(error: StartError) -> type[KeyUnavailable]:
    """Return what AWS's own variables or files are at fault for as what another configuration mends."""
    return KeyUnavailable if isinstance(error, NotConfigured) else SourceUnreachable
