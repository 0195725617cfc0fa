"""What a test releases of what was there before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.pytest_plugin.conftest import Run


def test_a_test_that_releases_what_a_wider_fixture_has(pytester: pytest.Pytester, run: Run) -> None:
    """The fixture tells it with its site, and none of what the test has acquired itself."""
    pytester.makepyfile(
        "import pytest\n"
        "from resources import Backend\n"
        "@pytest.fixture(scope='module')\n"
        "def shared():\n"
        "    pair = [Backend(), Backend()]  # here\n"
        "    yield pair\n"
        "    pair[1].close()\n"
        "def test_it(shared, lifetrack, request):\n"
        "    assert lifetrack.released_before == ()\n"
        "    own = Backend()\n"
        "    own.close()\n"
        "    shared[0].close()\n"
        "    lines = [record.site.line for record in lifetrack.released_before]\n"
        "    assert lines == ([5] if lifetrack.is_tracking() else [])\n"
        "def test_after(shared, lifetrack):\n"
        "    assert lifetrack.released_before == ()\n"
    )
    run().assert_outcomes(passed=2)
    run(flag=False).assert_outcomes(passed=2)
