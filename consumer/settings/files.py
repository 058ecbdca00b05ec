"""Files that the settings file names, relative to it: those that are read, not those that are written or run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from consumer.errors import UsageError
from consumer.secret_names import is_file
from consumer.settings.model import Settings
from consumer.settings.sources import Place, Sources
from redaction.built_in import built_in

# Options of decoders that come with the service.
_DECODER_FILES: Final = {"confluent": ("folder", "credentials"), "glue": ("folder",)}


def with_files_found(settings: Settings, sources: Sources) -> Settings:
    """Return the settings with the paths of files that are found from the settings file's folder.

    What lies only in the current folder stays as it is written, and so does what the environment says.

    :raises UsageError: there are two of one name, one in either folder.
    """
    if sources.path is None:
        return settings
    values = settings.model_dump(include={"redaction", "stream"})
    before = repr(values)
    for holder, place in _files(**values):
        written = holder.get(place[-1])
        if isinstance(written, str) and written and sources.is_of_the_file(place):
            holder[place[-1]] = _found(sources.path.parent, written, sources.blamed(place))
    if repr(values) == before:
        return settings
    changed = {name: type(getattr(settings, name)).model_validate(section) for name, section in values.items()}
    return settings.with_files_found(changed)


def _files(redaction: dict[str, Any], stream: dict[str, Any]) -> Iterator[tuple[dict[Any, Any], Place]]:
    """Yield where the name of a file may stand: what holds it, and its place, whose last part is its key there."""
    candidate, policies = redaction["candidate"], built_in()
    if redaction["plugin"] == "policy" and redaction["options"].get("policy") not in policies:
        yield redaction["options"], ("redaction", "options", "policy")
    if candidate and candidate["policy"] not in policies:
        yield candidate, ("redaction", "candidate", "policy")
    if redaction["keys"] and is_file(redaction["keys"]):
        yield redaction, ("redaction", "keys")
    for number, step in enumerate(stream["format"]):
        for name, options in step.items() if isinstance(step, dict) else ():
            for option in _DECODER_FILES.get(name, ()):
                yield options, ("stream", "format", number, name, option)


def _found(folder: Path, written: str, blamed: str) -> str:
    beside, here = folder / written, Path(written)
    try:
        if not _is_there(here):
            return str(beside.absolute())  # where it is missing, too: so an error says where it was looked for
        if not _is_there(beside) or beside.samefile(here):
            return written
        problem = "lies in the settings file's folder, and another of its name in the current one; write the whole path"
    except OSError as error:
        problem = f"the file cannot be looked for ({error.strerror})"
    # Here, so that the error that shows the value is not even the context of this one.
    raise UsageError(f"The configuration is not valid: {blamed}: {problem}.")


def _is_there(path: Path) -> bool:
    """Say whether there is such a file; unlike `Path.exists` the same with each Python.

    :raises OSError: nobody can tell.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a NUL
        return False
    return True
