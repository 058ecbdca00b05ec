"""Classes for the daemon's JVM, written byte by byte (The Java Virtual Machine Specification, chapter 4).

To compile them would take a JDK. They are few and short: `whole_records`, `no_skipping`.
"""

import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

JAR_FILE: Final = "sanitizer.jar"
"""To be the first on the class path."""

JAVA_5: Final = 49
"""The last version whose methods may jump without a stack map (chapter 4.10)."""

JAVA_8: Final = 52

ALOAD_0, ALOAD_1, ALOAD_2, ASTORE_2 = b"\x2a", b"\x2b", b"\x2c", b"\x4d"
DUP, ARETURN, RETURN = b"\x59", b"\xb0", b"\xb1"
BIPUSH, LDC2, LDC_W, IFNE, VIRTUAL, SPECIAL, STATIC, NEW, CAST = 0x10, 0x14, 0x13, 0x9A, 0xB6, 0xB7, 0xB8, 0xBB, 0xC0
_INTERFACE: Final = 0xB9
_PUBLIC_SUPER: Final = 0x0021
_PUBLIC: Final = 0x0001
_OBJECT: Final = "java/lang/Object"
# A fixed time: the same jar each time.
_TIME: Final = (1980, 1, 1, 0, 0, 0)


def op(code: int, operand: int) -> bytes:
    """Return an instruction with an operand of two bytes: an index of the class's constants, or how far to jump."""
    return struct.pack(">BH", code, operand)


class ClassFile:
    """A public class with a constructor without parameters, methods, and no fields.

    :param name: with slashes, like all names of classes here.
    :param version: of the class file.
    """

    def __init__(self, name: str, version: int, *, extends: str = _OBJECT, implements: str | None = None) -> None:
        self._constants: dict[bytes, int] = {}
        self._count = 1
        self._version = version
        self._interfaces = [implements] if implements else []
        self._own, self._base = self.type(name), self.type(extends)
        self._methods: list[bytes] = []
        self.add("<init>", "()V", 1, 1, ALOAD_0, self.call(SPECIAL, extends, "<init>", "()V"), RETURN)

    def add(self, name: str, kind: str, stack: int, places: int, *code: bytes) -> None:
        """Add a public method.

        :param kind: its descriptor: types of parameters and of what it returns.
        :param stack: operands at once, at most.
        :param places: local variables, `this` and parameters among them.
        """
        joined = b"".join(code)
        body = struct.pack(">HHI", stack, places, len(joined)) + joined + struct.pack(">HH", 0, 0)
        head = struct.pack(">HHHH", _PUBLIC, self._text(name), self._text(kind), 1)
        self._methods.append(head + struct.pack(">HI", self._text("Code"), len(body)) + body)

    def type(self, name: str) -> int:
        """Return the index of a class."""
        return self._constant(struct.pack(">BH", 7, self._text(name)))

    def long(self, number: int) -> int:
        """Return the index of a long, which takes two places."""
        return self._constant(struct.pack(">Bq", 5, number), places=2)

    def string(self, text: str) -> int:
        """Return the index of a string of ASCII."""
        return self._constant(struct.pack(">BH", 8, self._text(text)))

    def call(self, code: int, owner: str, name: str, kind: str) -> bytes:
        """Return the call of a method of a class."""
        return op(code, self._member(10, owner, name, kind))

    def call_interface(self, owner: str, name: str, kind: str) -> bytes:
        """Return the call of an interface's method that has no parameters."""
        return op(_INTERFACE, self._member(11, owner, name, kind)) + b"\x01\x00"

    def __bytes__(self) -> bytes:
        """Return the class file."""
        interfaces = [self.type(each) for each in self._interfaces]
        names = struct.pack(">HHH", self._own, self._base, len(interfaces))
        return b"".join(
            [
                struct.pack(">IHHH", 0xCAFEBABE, 0, self._version, self._count),
                *self._constants,
                struct.pack(">H", _PUBLIC_SUPER),
                names,
                struct.pack(f">{len(interfaces)}H", *interfaces),
                struct.pack(">HH", 0, len(self._methods)),  # no fields
                *self._methods,
                struct.pack(">H", 0),
            ]
        )

    def _text(self, text: str) -> int:
        return self._constant(struct.pack(">BH", 1, len(text)) + text.encode())

    def _member(self, tag: int, owner: str, name: str, kind: str) -> int:
        signature = self._constant(struct.pack(">BHH", 12, self._text(name), self._text(kind)))
        return self._constant(struct.pack(">BHH", tag, self.type(owner), signature))

    def _constant(self, entry: bytes, places: int = 1) -> int:
        if entry not in self._constants:
            self._constants[entry] = self._count
            self._count += places
        return self._constants[entry]


def write_jar(folder: Path, classes: Mapping[str, bytes]) -> None:
    """Write class files, by the names of their classes, into the jar of a folder.

    Its time follows from its content: Java takes a jar of the same size and time for the one that its AOT cache was
    made of, and any other for another.
    """
    place = folder / JAR_FILE
    with zipfile.ZipFile(place, "w") as jar:
        for name, content in classes.items():
            jar.writestr(zipfile.ZipInfo(f"{name}.class", _TIME), content)
    seconds = zlib.crc32(place.read_bytes()) >> 2  # before 2038, for every file system
    os.utime(place, (seconds, seconds))
