"""Every metric: declared, recorded, merged over processes, collected."""

from consumer.metrics.recorded import Metrics, SessionEvent, ShardBooks, observe_many, set_up, show_zeros

__all__ = ["Metrics", "SessionEvent", "ShardBooks", "observe_many", "set_up", "show_zeros"]
