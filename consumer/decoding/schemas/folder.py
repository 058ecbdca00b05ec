"""Schemas from files: `ID.avsc`, `ID.proto` or `ID.json`."""

from pathlib import Path
from typing import Any, Final

from consumer.decoder import DecoderUnavailable
from consumer.decoding.schemas.definition import MAX_SCHEMA_BYTES, Definition, Format, SchemaUnusable
from consumer.errors import UsageError

_SUFFIXES: Final = {".avsc": Format.AVRO, ".proto": Format.PROTOBUF, ".json": Format.JSON}


class FolderRegistry:
    """Reads schemas from a folder. What a .proto file imports lies there, too, under the name that it is imported by.

    :raises UsageError: there is no such folder, or two files for one id.
    """

    lags: Final = False

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        try:
            found = [path.stem for path in self._folder.iterdir() if path.suffix in _SUFFIXES]
        except OSError as error:
            raise UsageError(f"the folder {folder} cannot be read ({type(error).__name__}).") from None
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice:
            raise UsageError(f"the folder {folder} has more than one file for {twice[0]}.")

    def fetch(self, schema_id: Any) -> Definition | None:
        """Return a schema; see `Registry`."""
        try:
            for suffix, kind in _SUFFIXES.items():
                path = self._folder / f"{schema_id}{suffix}"
                if path.is_file():
                    text = _read(path)
                    imports = self._imports(path) if kind is Format.PROTOBUF and "import" in text else {}
                    return Definition(kind, text, str(schema_id), "1", imports)
        except OSError as error:
            raise DecoderUnavailable(
                f"A schema in {self._folder} cannot be read ({type(error).__name__}): check the folder's rights."
            ) from None
        return None

    def _imports(self, but: Path) -> dict[str, str]:
        found, size = {}, 0
        for path in sorted(self._folder.rglob("*.proto")):
            if path != but:
                text = found[path.relative_to(self._folder).as_posix()] = _read(path)
                size += len(text)
                if size > MAX_SCHEMA_BYTES:
                    raise SchemaUnusable
        return found


def _read(path: Path) -> str:
    if path.stat().st_size > MAX_SCHEMA_BYTES:
        raise SchemaUnusable
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SchemaUnusable from None
