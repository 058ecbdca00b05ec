import sys
from pathlib import Path

from consumer.documents import Documents


def export(documents: Documents, user: str, target: Path) -> None:
    kept = target.with_suffix(".token")
    token = kept.read_text() if kept.exists() else None
    with target.open("a", encoding="utf-8") as lines:
        while True:
            page = documents.page(user, limit=100, token=token, newest_first=False)
            lines.writelines(f"{each.json()}\n" for each in page.documents)
            lines.flush()
            token = page.token
            if token is None:
                break
            kept.write_text(token)
    kept.unlink(missing_ok=True)


if __name__ == "__main__":
    export(Documents("sanitized-transactions"), sys.argv[1], Path(sys.argv[2]))
