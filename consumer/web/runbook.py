"""What each reason of /healthz and /readyz means, and which section of the runbook says what to do."""

from typing import Final, Literal, NamedTuple

PAGE: Final = "docs/runbook.md"


class Entry(NamedTuple):
    """One reason, for a person; Markdown, since it stands in the runbook too.

    :ivar fails: what answers 503 by it.
    :ivar section: of the runbook: that of the alert which tells the same, or of what comes nearest.
    """

    means: str
    section: str
    fails: Literal["", "`/healthz`", "`/readyz`", "both"] = ""


REASONS: Final = {
    "starting": Entry("KCL has not reached the stream and its tables yet", "sanitizernoworker", "both"),
    "stopping": Entry("the worker was asked to stop", "the-status-page", "`/readyz`"),
    "restarting": Entry(
        "the daemon or a pipeline process is being started anew", "sanitizerdaemonrestarting", "`/readyz`"
    ),
    "supervisor_stuck": Entry("the main process does nothing any more", "sanitizerworkerrestarting", "`/healthz`"),
    "daemon_failing": Entry("the daemon failed six times in a row", "sanitizerdaemonrestarting", "`/healthz`"),
    "shard_stuck": Entry(
        "the process of a shard was ended three times in a row for giving no sign of life",
        "sanitizerbatchstuck",
        "`/healthz`",
    ),
    "shard_deadlocked": Entry(
        "a batch waits for memory that nobody will give back", "sanitizerbatchstuck", "`/healthz`"
    ),
    "no_shard_read": Entry(
        "this worker has lost all of its leases, or nobody has any, and no other worker reads",
        "sanitizershardsnotserved",
    ),
    "shards_without_owner": Entry(
        "leases have had no living owner for longer than a takeover takes", "sanitizershardwithoutowner"
    ),
    "nothing_read": Entry("the stream has given no answer for 30 seconds; the lag goes on", "sanitizerdaemonerrors"),
    "leases_not_seen": Entry("the lease table has given no answer for 30 seconds", "sanitizershardwithoutowner"),
    "kcl_errors": Entry("KCL logs more than an error a minute, in the mean of five", "sanitizerdaemonerrors"),
    "quarantining": Entry(
        "more than one record in a hundred went to quarantine in the last five minutes, and ten or more",
        "sanitizerquarantining",
    ),
    "leak_suspected": Entry(
        "the scan of what goes out held something back in the last five minutes", "sanitizerleaksuspected"
    ),
    "field_drift": Entry("a field that was always redacted is redacted no longer", "sanitizerfielddrift"),
    "batch_in_flight": Entry(
        "a batch has been in flight for longer than `pipeline.stuck_seconds`: mostly a table that takes nothing",
        "sanitizerbatchstuck",
    ),
    "decoder_unavailable": Entry("a record is held, since the registry of schemas does not answer", "sanitizerlagging"),
    "daemon_restarted": Entry(
        "the daemon has failed, was started anew, and has not lived for long yet", "sanitizerdaemonrestarting"
    ),
    "fetch_reduced": Entry("the daemon ran out of memory, and fetches less at once", "sanitizerdaemonrestarting"),
    "workers_differ": Entry(
        "another worker of the application has another policy or other settings", "sanitizermixedpolicies"
    ),
}
"""By their codes."""


def address(code: str, runbook_url: str | None) -> str:
    """Return where a reason is explained.

    :param runbook_url: where the runbook is read; None: its file in the repository is named.
    """
    entry = REASONS.get(code)
    return f"{runbook_url or PAGE}#{entry.section if entry else 'the-status-page'}"
