"""A class that KCL calls and Java has no longer: `javax.xml.bind.DatatypeConverter`.

KCL's `AggregatorUtil` calls it to log the raw bytes of a malformed KPL aggregate. Java 11 removed it, none of KCL's
jars has it, and the error ends the daemon: one such record would restart the worker for ever, and anyone who may put
records can put it. So the daemon gets a class of that name, whose one method says that the bytes are withheld. KCL then
goes on with the next record, and no content reaches its log.

The class is written here byte by byte (The Java Virtual Machine Specification, chapter 4), since to compile it would
take a JDK.
"""

import struct
import zipfile
from pathlib import Path
from typing import Final

NAME: Final = "javax/xml/bind/DatatypeConverter"
JAR_FILE: Final = "converter.jar"

_JAVA_8: Final = 52
_PUBLIC_FINAL_SUPER: Final = 0x0031
_PUBLIC_STATIC: Final = 0x0009
_LDC, _ARETURN = 0x12, 0xB0
# A fixed time: the same jar each time.
_TIME: Final = (1980, 1, 1, 0, 0, 0)


def _utf8(text: str) -> bytes:
    return struct.pack(">BH", 1, len(text)) + text.encode()


def class_file() -> bytes:
    """Return the class: `public static String printBase64Binary(byte[])`, which returns a constant."""
    pool = [
        _utf8(NAME),
        struct.pack(">BH", 7, 1),  # this class
        _utf8("java/lang/Object"),
        struct.pack(">BH", 7, 3),  # its super class
        _utf8("printBase64Binary"),
        _utf8("([B)Ljava/lang/String;"),
        _utf8("Code"),
        _utf8("<withheld>"),
        struct.pack(">BH", 8, 8),  # the constant that is returned
    ]
    code = bytes([_LDC, 9, _ARETURN])
    body = struct.pack(">HHI", 1, 1, len(code)) + code + struct.pack(">HH", 0, 0)
    method = struct.pack(">HHHH", _PUBLIC_STATIC, 5, 6, 1) + struct.pack(">HI", 7, len(body)) + body
    return b"".join(
        [
            struct.pack(">IHHH", 0xCAFEBABE, 0, _JAVA_8, len(pool) + 1),
            *pool,
            struct.pack(">HHHHH", _PUBLIC_FINAL_SUPER, 2, 4, 0, 0),  # no interfaces, no fields
            struct.pack(">H", 1),
            method,
            struct.pack(">H", 0),
        ]
    )


def write(folder: Path) -> None:
    """Write the jar into a folder."""
    with zipfile.ZipFile(folder / JAR_FILE, "w") as jar:
        jar.writestr(zipfile.ZipInfo(f"{NAME}.class", _TIME), class_file())
