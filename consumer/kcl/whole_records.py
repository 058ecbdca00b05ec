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

The class is written here byte by byte (The Java Virtual Machine Specification, chapter 4), since to compile it would
take a JDK. In Java it is:

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

import struct
import zipfile
from pathlib import Path
from typing import Final

NAME: Final = "software/amazon/kinesis/retrieval/AggregatorUtil"
JAR_FILE: Final = "whole-records.jar"
WHOLE: Final = (1 << 63) - 1
"""The sub-sequence number of a record that was not taken apart."""

_RECORD: Final = "software/amazon/kinesis/retrieval/KinesisClientRecord"
_BUILDER: Final = f"{_RECORD}$KinesisClientRecordBuilder"
_LIST: Final = "Ljava/util/List;"
_OPERATOR: Final = "java/util/function/UnaryOperator"

_JAVA_8: Final = 52
_PUBLIC_SUPER: Final = 0x0021
_PUBLIC: Final = 0x0001
_ALOAD_0, _ALOAD_1, _ALOAD_2, _ASTORE_2 = b"\x2a", b"\x2b", b"\x2c", b"\x4d"
_DUP, _ARETURN, _RETURN, _LDC2 = b"\x59", b"\xb0", b"\xb1", 0x14
_VIRTUAL, _SPECIAL, _NEW, _CAST = 0xB6, 0xB7, 0xBB, 0xC0
# A fixed time: the same jar each time.
_TIME: Final = (1980, 1, 1, 0, 0, 0)


class _Constants:
    """The constant pool."""

    def __init__(self) -> None:
        self._entries: dict[bytes, int] = {}
        self.count = 1

    def _add(self, entry: bytes, places: int = 1) -> int:
        if entry not in self._entries:
            self._entries[entry] = self.count
            self.count += places
        return self._entries[entry]

    def text(self, text: str) -> int:
        return self._add(struct.pack(">BH", 1, len(text)) + text.encode())

    def type(self, name: str) -> int:
        return self._add(struct.pack(">BH", 7, self.text(name)))

    def long(self, number: int) -> int:
        return self._add(struct.pack(">Bq", 5, number), places=2)

    def method(self, owner: str, name: str, kind: str) -> int:
        signature = self._add(struct.pack(">BHH", 12, self.text(name), self.text(kind)))
        return self._add(struct.pack(">BHH", 10, self.type(owner), signature))

    def __bytes__(self) -> bytes:
        return b"".join(self._entries)


def class_file() -> bytes:
    """Return the class."""
    pool = _Constants()

    def with_index(instruction: int, index: int) -> bytes:
        return struct.pack(">BH", instruction, index)

    def method(name: str, kind: str, stack: int, places: int, *code: bytes) -> bytes:
        joined = b"".join(code)
        body = struct.pack(">HHI", stack, places, len(joined)) + joined + struct.pack(">HH", 0, 0)
        head = struct.pack(">HHHH", _PUBLIC, pool.text(name), pool.text(kind), 1)
        return head + struct.pack(">HI", pool.text("Code"), len(body)) + body

    def call(instruction: int, owner: str, name: str, kind: str) -> bytes:
        return with_index(instruction, pool.method(owner, name, kind))

    methods = [
        method("<init>", "()V", 1, 1, _ALOAD_0, call(_SPECIAL, "java/lang/Object", "<init>", "()V"), _RETURN),
        method(
            "deaggregate",
            f"({_LIST}){_LIST}",
            3,
            3,
            with_index(_NEW, pool.type("java/util/ArrayList")),
            _DUP + _ALOAD_1,
            call(_SPECIAL, "java/util/ArrayList", "<init>", "(Ljava/util/Collection;)V"),
            _ASTORE_2 + _ALOAD_2 + _ALOAD_0,
            call(_VIRTUAL, "java/util/ArrayList", "replaceAll", f"(L{_OPERATOR};)V"),
            _ALOAD_2 + _ARETURN,
        ),
        method(
            "deaggregate",
            f"({_LIST}Ljava/lang/String;Ljava/lang/String;){_LIST}",
            2,
            4,
            _ALOAD_0 + _ALOAD_1,
            call(_VIRTUAL, NAME, "deaggregate", f"({_LIST}){_LIST}"),
            _ARETURN,
        ),
        method(
            "apply",
            "(Ljava/lang/Object;)Ljava/lang/Object;",
            3,
            2,
            _ALOAD_1,
            with_index(_CAST, pool.type(_RECORD)),
            call(_VIRTUAL, _RECORD, "toBuilder", f"()L{_BUILDER};"),
            with_index(_LDC2, pool.long(WHOLE)),
            call(_VIRTUAL, _BUILDER, "subSequenceNumber", f"(J)L{_BUILDER};"),
            call(_VIRTUAL, _BUILDER, "build", f"()L{_RECORD};"),
            _ARETURN,
        ),
    ]
    names = struct.pack(">HHHH", pool.type(NAME), pool.type("java/lang/Object"), 1, pool.type(_OPERATOR))
    return b"".join(
        [
            struct.pack(">IHHH", 0xCAFEBABE, 0, _JAVA_8, pool.count),
            bytes(pool),
            struct.pack(">H", _PUBLIC_SUPER),
            names,
            struct.pack(">HH", 0, len(methods)),  # no fields
            *methods,
            struct.pack(">H", 0),
        ]
    )


def write(folder: Path) -> None:
    """Write the jar into a folder."""
    with zipfile.ZipFile(folder / JAR_FILE, "w") as jar:
        jar.writestr(zipfile.ZipInfo(f"{NAME}.class", _TIME), class_file())
