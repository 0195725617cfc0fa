"""``docs/rules.md`` has every rule as ``lifetrack rules`` explains it; run this file to write the page anew."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lifetrack.values.rules import RULES, Rule

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"
HEAD = "# The rules\n\nAs `lifetrack rules LTnnn` explains them. Ids and names are stable.\n"


def section(rule: Rule) -> str:
    """One rule: its anchor is its id, small."""
    return (
        f'\n## <a id="{rule.id.lower()}"></a>{rule.id} {rule.name}\n\n{rule.meaning}\n\n'
        f"```\n{rule.example}\n```\n\n{rule.mend}\n"
    )


def page() -> str:
    """The whole page."""
    return HEAD + "".join(map(section, RULES.values()))


def test_the_page_is_up_to_date() -> None:
    """Each rule stands there in the words that the command has for it."""
    assert PAGE.read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
