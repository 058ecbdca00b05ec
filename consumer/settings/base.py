"""What all sections of the settings are made of."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

TABLE_NAME: Final = r"[A-Za-z0-9_.-]{3,255}"
"""The form of a DynamoDB table name (AWS: 3 to 255 letters, digits, ``_ . -``)."""

TableName = Annotated[str, Field(pattern=f"^{TABLE_NAME}$")]

FieldPath = Annotated[str, Field(pattern=r"^[^.{}]+(\.[^.{}]+)*$")]
"""A field of a document; dots lead into objects, as in key templates."""


class Section(BaseModel):
    """A section: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
