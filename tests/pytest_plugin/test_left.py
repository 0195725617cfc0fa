"""The failure of a test is an exception that has left it; what it leaks says so."""

from __future__ import annotations


def test_the_failure_of_a_test_is_the_way_it_left(pytester, run):
    """The leak of a failing test is shown beside its failure, and names the exception and its line."""
    pytester.makepyfile(
        test_it="""
        from resources import Backend, keep

        def test_that_fails():
            backend = Backend()
            backend.use()
            raise ValueError("broken")

        def test_that_passes():
            keep()
        """
    )
    text = " ".join(run(fresh=True).stdout.str().split())
    assert "was left by ValueError at test_it.py:6" in text
    assert text.count("was left by") == 1
