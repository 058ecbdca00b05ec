import csv
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from consumer.documents import Documents

ZONE = ZoneInfo("Europe/Berlin")


def spent(documents: Documents, users: Iterable[str], day: date) -> Iterator[tuple[str, int, Decimal]]:
    begin = datetime.combine(day, time(), ZONE)
    end = begin + timedelta(days=1)  # midnight again, also where a day has 23 or 25 hours

    def of_user(user: str) -> tuple[str, int, Decimal]:
        found = documents.iterate(user, after=begin, before=end)
        amounts = [Decimal(each.fields["amount"]) for each in found]
        return user, len(amounts), sum(amounts, Decimal())

    with ThreadPoolExecutor(8) as pool:
        yield from pool.map(of_user, users)


if __name__ == "__main__":
    users = (line.strip() for line in sys.stdin)
    lines = spent(Documents("sanitized-transactions"), users, date.fromisoformat(sys.argv[1]))
    csv.writer(sys.stdout).writerows(lines)
