import sys
from pathlib import Path

from consumer.documents import Documents


def export(documents: Documents, user: str, target: Path) -> None:
    kept = target.with_suffix(".token")
    size, token = kept.read_text().split() if kept.exists() else ("0", None)
    with target.open("ab") as lines:
        if lines.tell() < int(size):
            raise ValueError(f"{target} is not the file that {kept} is of")
        lines.truncate(lines.seek(int(size)))  # what a run wrote that was stopped before it kept the next token
        while True:
            page = documents.page(user, limit=100, token=token, newest_first=False)
            lines.writelines(f"{each.json()}\n".encode() for each in page.documents)
            lines.flush()
            token = page.token
            if token is None:
                break
            written = kept.with_suffix(".new")
            written.write_text(f"{lines.tell()} {token}")
            written.replace(kept)  # at once, so that it is never half a token
    kept.unlink(missing_ok=True)


if __name__ == "__main__":
    export(Documents("sanitized-transactions"), sys.argv[1], Path(sys.argv[2]))
