"""What a policy says."""

from redaction.policy.file import load_policy
from redaction.policy.model import UNKNOWN_FIELDS, DropRecord, FieldRule, Policy

__all__ = ["UNKNOWN_FIELDS", "DropRecord", "FieldRule", "Policy", "load_policy"]
