"""How a policy is applied: by field first, then one search over all that goes out, careful only where it hits."""

from redaction.engine.coverage import Coverage
from redaction.engine.redactor import PolicyRedactor, Step, from_options

__all__ = ["Coverage", "PolicyRedactor", "Step", "from_options"]
