"""The same with unittest alone: `python -m unittest discover examples/testing`.

Or without any change to the tests: `lifetrack run -m unittest discover examples/testing` names the test of each leak.
"""

from __future__ import annotations

import tempfile
import unittest

from lifetrack.testing import LeakCheckMixin


class TestFiles(LeakCheckMixin, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()  # the class's: due after tearDownClass

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_that_closes(self):
        file = open(f"{self.folder.name}/a", "w")
        self.addCleanup(file.close)

    @unittest.expectedFailure
    def test_that_fails_anyway(self):
        self.fail("take this away, and a leak would be a failure as well")


if __name__ == "__main__":
    unittest.main()
