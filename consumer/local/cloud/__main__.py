"""``python -m consumer.local.cloud``: ``sanitizer local cloud`` by itself."""

from consumer.local import by_itself
from consumer.local.cloud.command import cloud

by_itself.run(lambda: cloud, "python -m consumer.local.cloud")
