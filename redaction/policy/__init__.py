"""What a policy says: its file, its rules, what is wrong with it, and its own tests."""

from redaction.policy.file import load_policy
from redaction.policy.model import UNKNOWN_FIELDS, DropRecord, FieldRule, Policy

__all__ = ["UNKNOWN_FIELDS", "DropRecord", "FieldRule", "Policy", "load_policy"]
