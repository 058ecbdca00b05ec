"""What the supervisor is told."""

from collections.abc import Callable
from typing import Any

Post = Callable[[tuple[Any, ...]], None]
"""Puts an event into the supervisor's queue; may be called by any thread."""
