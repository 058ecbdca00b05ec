"""The picture of the accuracy benchmark's results stands where its report puts it."""

from benchmarks.accuracy.report import PAYLOADS, PICTURE, Table, markdown
from docs.accuracy_picture import RESULTS, picture


def test_the_results_have_the_reports_picture() -> None:
    section = RESULTS.read_text(encoding="utf-8").partition(f"## {PAYLOADS}\n")[2].partition("\n## ")[0]
    told, shown, *table = section.strip().split("\n\n")
    assert shown == PICTURE
    head, _, *rows = (tuple(cell.strip() for cell in line[1:-1].split("|")) for line in table[0].split("\n"))
    assert markdown([Table(PAYLOADS, told, head, rows, (), PICTURE)]).strip() == f"## {PAYLOADS}\n{section}".strip()


def test_the_picture_shows_each_row_twice() -> None:
    drawn = picture()
    for name in ("default", "pci-dss", "gdpr-pseudonymise", "presidio-analyzer"):
        assert drawn.count(f">{name}") == 2
