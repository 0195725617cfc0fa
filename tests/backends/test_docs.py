"""The page about backends: its code runs, from the first block to the last, with tracking off and on."""

from __future__ import annotations

import re

import pytest

from tests.conftest import CHECKOUT


@pytest.mark.parametrize("level", ["off", "stacks"])
def test_the_code_of_the_page_runs(run_python, level):
    """All blocks are one program, which ends well, says what it must and leaves nothing behind."""
    pytest.importorskip("pluggy")
    page = (CHECKOUT / "docs" / "backends.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(blocks) == 5
    stdout, stderr, status = run_python("\n".join(blocks), env={"LIFETRACK": level})
    assert status == 0, stderr
    assert "('development',) hello" in stdout
    assert "lacks the capability 'revocation'" in stdout
    assert stderr == ""
