"""One shard's flow: redact, encode, write, checkpoint."""

from consumer.pipeline.flow import Pipeline, Stages

__all__ = ["Pipeline", "Stages"]
