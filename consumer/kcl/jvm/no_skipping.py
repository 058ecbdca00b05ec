"""Ends the JVM before KCL goes on behind records that it could not hand over.

What goes wrong between a fetch and the processor, KCL logs, and skips the fetch ("The incoming data has been skipped"):
the next checkpoint then lies behind records that nobody has seen. So it is where the shards cannot be listed when a
session's first records come (`ProcessTask`'s constructor asks for the shard's hash range), or with any other exception
there (`ShardConsumerSubscriber.onNext`, `ProcessTask.call` and `callProcessRecords` of KCL 3.4.2).

KCL logs it in the very thread that would hand the next fetch over, and before. So the daemon's log (logback.xml) has an
appender for these loggers that ends the JVM at once, without any hook that would checkpoint; the supervisor starts
another, and what was fetched is fetched again. In Java the appender is:

    public class NoSkipping extends AppenderBase {
        public void append(Object event) {
            String template = ((ILoggingEvent) event).getMessage();
            if (TEMPLATES[0].equals(template) || ...) Runtime.getRuntime().halt(STATUS);
        }
    }
"""

from typing import Final

from consumer.kcl.jvm.class_file import (
    ALOAD_1,
    ALOAD_2,
    ASTORE_2,
    BIPUSH,
    CAST,
    IFNE,
    JAVA_5,
    LDC_W,
    RETURN,
    STATIC,
    VIRTUAL,
    ClassFile,
    op,
)

NAME: Final = "sanitizer/NoSkipping"
STATUS: Final = 70
"""The JVM's exit status."""

TEMPLATES: Final = {
    "software/amazon/kinesis/lifecycle/ShardConsumerSubscriber": ("{}: Caught exception from handleInput",),
    "software/amazon/kinesis/lifecycle/ProcessTask": (
        "ShardId {}: Caught exception: ",
        "ShardId {}: Application processRecords() threw an exception when processing shard ",
    ),
}
"""What KCL logs before it skips, by the class that does."""

_EVENT: Final = "ch/qos/logback/classic/spi/ILoggingEvent"
_TEST_BYTES: Final = 10
_BEFORE_JUMP: Final = 7
"""Bytes of a test in all, and of what stands before its jump."""


def class_file() -> bytes:
    """Return the class."""
    made = ClassFile(NAME, JAVA_5, extends="ch/qos/logback/core/AppenderBase")
    templates = [template for each in TEMPLATES.values() for template in each]
    tests = []
    for number, template in enumerate(templates):
        to_end = (len(templates) - number) * _TEST_BYTES - _BEFORE_JUMP + len(RETURN)
        tests += [
            op(LDC_W, made.string(template)) + ALOAD_2,
            made.call(VIRTUAL, "java/lang/String", "equals", "(Ljava/lang/Object;)Z"),
            op(IFNE, to_end),
        ]
    made.add(
        "append",
        "(Ljava/lang/Object;)V",
        2,
        3,
        ALOAD_1 + op(CAST, made.type(_EVENT)),
        made.call_interface(_EVENT, "getMessage", "()Ljava/lang/String;"),
        ASTORE_2,
        *tests,
        RETURN,
        made.call(STATIC, "java/lang/Runtime", "getRuntime", "()Ljava/lang/Runtime;"),
        bytes([BIPUSH, STATUS]),
        made.call(VIRTUAL, "java/lang/Runtime", "halt", "(I)V"),
        RETURN,
    )
    return bytes(made)
