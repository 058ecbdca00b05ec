"""A class of KCL's that is replaced, so that records reach the pipeline as they are on the stream.

KCL's `AggregatorUtil` takes the aggregates of the Kinesis Producer Library apart before anybody can bound what comes
of it: 10 MB of aggregates may become gigabytes of records and lines in the JVM, and stop it for ever. It loses what
follows a malformed user record, and its version 3.1.3 even ends at one, for it calls a class that Java 11 removed. So
the daemon gets a class of that name, before KCL's on the class path, that takes nothing apart; the session does it
(`consumer.kcl.processor`), in parts and under the byte budget.

Each record then has the sub-sequence number `WHOLE`, the greatest that there is. So KCL accepts checkpoints within an
aggregate, and delivers a record again of which only a part is checkpointed: it leaves out what does not lie behind the
checkpoint, and lets nobody checkpoint what lies behind the last delivery (`ProcessTask`,
`ShardRecordProcessorCheckpointer` of KCL 3.1.3 and 3.4.2). What stands in the lease is what KCL itself would have
written there.

In Java it is:

    public class AggregatorUtil implements UnaryOperator {
        public List deaggregate(List records) {
            ArrayList whole = new ArrayList(records);  // KCL takes out of it what it delivers no longer
            whole.replaceAll(this);
            return whole;
        }
        public List deaggregate(List records, String firstHashKey, String lastHashKey) {
            return deaggregate(records);
        }
        public Object apply(Object record) {
            return ((KinesisClientRecord) record).toBuilder().subSequenceNumber(Long.MAX_VALUE).build();
        }
    }
"""

from typing import Final

from consumer.kcl.jvm.class_file import (
    ALOAD_0,
    ALOAD_1,
    ALOAD_2,
    ARETURN,
    ASTORE_2,
    CAST,
    DUP,
    JAVA_8,
    LDC2,
    NEW,
    SPECIAL,
    VIRTUAL,
    ClassFile,
    op,
)

NAME: Final = "software/amazon/kinesis/retrieval/AggregatorUtil"
WHOLE: Final = (1 << 63) - 1
"""The sub-sequence number of a record that was not taken apart."""

_RECORD: Final = "software/amazon/kinesis/retrieval/KinesisClientRecord"
_BUILDER: Final = f"{_RECORD}$KinesisClientRecordBuilder"
_LIST: Final = "Ljava/util/List;"
_OPERATOR: Final = "java/util/function/UnaryOperator"


def class_file() -> bytes:
    """Return the class."""
    made = ClassFile(NAME, JAVA_8, implements=_OPERATOR)
    made.add(
        "deaggregate",
        f"({_LIST}){_LIST}",
        3,
        3,
        op(NEW, made.type("java/util/ArrayList")),
        DUP + ALOAD_1,
        made.call(SPECIAL, "java/util/ArrayList", "<init>", "(Ljava/util/Collection;)V"),
        ASTORE_2 + ALOAD_2 + ALOAD_0,
        made.call(VIRTUAL, "java/util/ArrayList", "replaceAll", f"(L{_OPERATOR};)V"),
        ALOAD_2 + ARETURN,
    )
    made.add(
        "deaggregate",
        f"({_LIST}Ljava/lang/String;Ljava/lang/String;){_LIST}",
        2,
        4,
        ALOAD_0 + ALOAD_1,
        made.call(VIRTUAL, NAME, "deaggregate", f"({_LIST}){_LIST}"),
        ARETURN,
    )
    made.add(
        "apply",
        "(Ljava/lang/Object;)Ljava/lang/Object;",
        3,
        2,
        ALOAD_1,
        op(CAST, made.type(_RECORD)),
        made.call(VIRTUAL, _RECORD, "toBuilder", f"()L{_BUILDER};"),
        op(LDC2, made.long(WHOLE)),
        made.call(VIRTUAL, _BUILDER, "subSequenceNumber", f"(J)L{_BUILDER};"),
        made.call(VIRTUAL, _BUILDER, "build", f"()L{_RECORD};"),
        ARETURN,
    )
    return bytes(made)
