"""The folder of a local stack: a failure's logs are there when somebody wants to read them."""

from pathlib import Path

import pytest

from consumer.errors import StartError, UsageError
from consumer.local.stack import Interrupted, scratch


@pytest.fixture(autouse=True)
def _in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def use(error: type[BaseException] | None) -> Path:
    """Leave a log in such a folder, and end so; return the folder."""
    with scratch("up-") as folder:
        (folder / "worker.log").write_text("why")
        if error:
            raise error(str(folder))
    return folder


@pytest.mark.parametrize("error", [StartError, OSError, AssertionError])
def test_what_failed_leaves_its_logs_and_says_where(
    error: type[Exception], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(error) as raised:
        use(error)
    folder = Path(str(raised.value))
    assert folder.parent == tmp_path
    assert (folder / "worker.log").read_text() == "why"
    assert capsys.readouterr().err == f"The logs are kept: {folder}/*.log\n"


@pytest.mark.parametrize("error", [Interrupted, KeyboardInterrupt])
def test_what_was_interrupted_leaves_nothing(error: type[BaseException], tmp_path: Path) -> None:
    with pytest.raises(error):
        use(error)
    assert list(tmp_path.iterdir()) == []


def test_what_went_well_leaves_nothing() -> None:
    assert not use(None).exists()


def test_nothing_is_kept_where_nothing_was_started(tmp_path: Path) -> None:
    with pytest.raises(UsageError), scratch("up-"):
        raise UsageError("No such policy.")
    assert list(tmp_path.iterdir()) == []
