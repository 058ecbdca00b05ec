"""A shard's pipeline, made of the settings: for the worker, the functions and the backfill alike."""

import threading
from collections.abc import Callable
from pathlib import Path

from consumer.logs import Logger
from consumer.metrics import Metrics, ShardBooks
from consumer.pipeline.checkpoint import HighWaterMark
from consumer.pipeline.decoding import Decoding
from consumer.pipeline.flow import Pipeline, Stages
from consumer.pipeline.isolation import Isolation
from consumer.pipeline.outputs import Outputs
from consumer.quarantine.circuit_breaker import QuarantineBreaker
from consumer.quarantine.entry import QuarantineEncoder
from consumer.record import Position
from consumer.redactors.candidate import CandidateRun
from consumer.redactors.loading import YieldingRedactor
from consumer.settings import Settings
from redaction.engine import PolicyRedactor
from redaction.plugin import Redactor, identity


class PipelineFactory:
    """Makes the pipelines of a process, and owns what its shards share.

    :param fingerprint_key: the quarantine's, common to all processes of a worker.
    :param journals: folder of the crash journals.
    :param flooding: is told, once, the share of records that went to quarantine when that was too large.
    :param candidate: a policy on trial, if there is one.
    """

    def __init__(  # noqa: PLR0913 - what a pipeline is made of
        self,
        settings: Settings,
        redactor: Redactor,
        outputs: Outputs,
        decoding: Decoding,
        metrics: Metrics,
        *,
        fingerprint_key: bytes,
        journals: Path,
        flooding: Callable[[float], None],
        candidate: CandidateRun | None = None,
    ) -> None:
        self._settings = settings
        self._redactor = redactor
        # A plug-in's work may be long, and the policy's own lets the others in by itself.
        self._shown = redactor if isinstance(redactor, PolicyRedactor) else YieldingRedactor(redactor)
        self._decoding = decoding
        self._outputs = outputs
        self._metrics = metrics
        self._fingerprint_key = fingerprint_key
        self._journals = journals
        self._candidate = candidate
        quarantine = settings.quarantine
        self._isolation = Isolation()
        self._breaker = QuarantineBreaker(quarantine.max_share, quarantine.judged_records, flooding)

    def quarantine_encoder(self, shard: str) -> QuarantineEncoder:
        """Return what makes a shard's quarantine entries."""
        return QuarantineEncoder(
            self._settings.stream.name,
            shard,
            identity(self._redactor),
            self._redactor.digest,
            self._fingerprint_key,
            self._settings.quarantine.ttl_days,
        )

    def open(
        self,
        shard: str,
        *,
        settled: dict[str, Position],
        stop: threading.Event,
        log: Logger,
        books: ShardBooks | None = None,
        checkpoint_seconds: float | None = None,
    ) -> Pipeline:
        """Begin a session of a shard.

        :param settled: see `Pipeline`.
        :param stop: see `Pipeline`.
        :param books: where its records are entered; None: the metrics' own.
        :param checkpoint_seconds: between two checkpoints; None: as the settings say.
        :raises SessionBroken: see `Pipeline`.
        """
        stages = Stages(
            decoding=self._decoding,
            redactor=self._shown,
            encoder=self._outputs.output.encoder(shard),
            output=self._outputs.output,
            quarantine_encoder=self.quarantine_encoder(shard),
            quarantine=self._outputs.quarantine,
            isolation=self._isolation,
            breaker=self._breaker,
            journals=self._journals,
            candidate=self._candidate,
        )
        books = books or self._metrics.shard(shard)
        every = self._settings.pipeline.checkpoint_seconds if checkpoint_seconds is None else checkpoint_seconds
        mark = HighWaterMark(every, books, log)
        return Pipeline(shard, stages, mark, books, self._metrics, settled, stop, log)
