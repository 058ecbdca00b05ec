"""One shard's flow: redact, encode, write, checkpoint; nothing is acknowledged that is not settled."""

from consumer.pipeline.flow import Pipeline, Stages

__all__ = ["Pipeline", "Stages"]
