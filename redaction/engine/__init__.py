"""How a policy is applied."""

from redaction.engine.redactor import Coverage, PolicyRedactor, Step, from_options

__all__ = ["Coverage", "PolicyRedactor", "Step", "from_options"]
