"""Schemas from the AWS Glue Schema Registry."""

from typing import Any, Final

from consumer import aws
from consumer.decoder import DecoderUnavailable
from consumer.decoding.schemas.definition import MAX_SCHEMA_BYTES, Definition, Format, SchemaUnusable

_SECONDS: Final = 3.0
_OPERATION: Final = "glue:GetSchemaVersion"
# The other says that the request is wrong: all that is in it is the id.
_MISSING: Final = frozenset({"EntityNotFoundException", "InvalidInputException"})


class GlueRegistry:
    """Asks for schemas by the id of a version.

    :raises StartError: no region is configured, or an endpoint that is unusable or not encrypted.
    """

    lags: Final = True

    def __init__(self) -> None:
        aws.client("glue", timeout=_SECONDS)

    def fetch(self, schema_id: Any) -> Definition | None:
        """Return a schema; see `Registry`."""
        try:
            answer = aws.client("glue", timeout=_SECONDS).get_schema_version(SchemaVersionId=schema_id)
        except aws.CALL_ERRORS as error:
            if aws.error_code(error) in _MISSING:
                return None
            raise DecoderUnavailable(aws.explain(error, _OPERATION, "the schema registry")) from None
        if answer.get("Status", "AVAILABLE") != "AVAILABLE":
            return None  # being checked yet, or refused by that check, or being deleted
        text = answer["SchemaDefinition"]
        try:
            kind = Format(answer["DataFormat"])
        except ValueError:
            raise SchemaUnusable from None
        if len(text.encode()) > MAX_SCHEMA_BYTES:
            raise SchemaUnusable
        # arn:aws:glue:REGION:ACCOUNT:schema/REGISTRY/SCHEMA
        name = answer["SchemaArn"].rpartition("/")[2]
        return Definition(kind, text, name, str(answer["VersionNumber"]))
