"""The README's way from nothing to an own policy: what needs no service is typed as it stands."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_own_policy_does_what_is_said(tmp_path: Path) -> None:
    section = README.partition("## Your own lines, your own policy")[2].partition("\n## ")[0]
    policy = re.search(r"^    name: shop\n(?:    .*\n)+", section, re.MULTILINE)
    assert policy
    (tmp_path / "shop.yaml").write_text(textwrap.dedent(policy[0]), encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    typed = re.findall(r"^    \.venv/bin/sanitizer (policy .*)$", section, re.MULTILINE)
    said = []
    for words in typed:
        command = [sys.executable, "-m", "consumer.cli", *words.split()]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert ran.returncode == 0, ran.stderr
        said.append(ran.stdout)
    by_default, checked, by_own = said
    assert "payment.card.number: card_field: mask" in by_default
    assert checked.startswith("shop.yaml: ok: shop")
    for hidden in ("payment.card.holder: holder_field: mask", "billing.address.street: street_field: drop"):
        assert hidden in by_own
        assert hidden not in by_default


def test_it_is_a_screen_and_a_half() -> None:
    assert len(README.splitlines()) <= 100
