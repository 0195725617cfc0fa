"""A real browser, one for all tests of a module, and what the tests ask of a page in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.fixtures import installed

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # which root has no use of
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--window-size=1200,900",
    "--force-device-scale-factor=1",
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """The browser, driven by the driver that comes with it."""
    program, service = installed("chromium", "chromium"), installed("chromedriver", "chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    for argument in (*_ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(argument)
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(service))
    try:
        started.set_page_load_timeout(60)
        yield started
    finally:
        started.quit()


class Page:
    """One report's page in the browser."""

    def __init__(self, driver, path: Path) -> None:
        self.driver = driver
        self.path = path

    def open(self, report, fragment: str = ""):
        """Open the page of a report."""
        self.path.write_text(report.to_html(), encoding="utf-8")
        self.driver.get("about:blank")
        self.driver.get(self.path.as_uri() + fragment)
        return self

    def js(self, code, *arguments):
        """Run code in the page; give what it returns."""
        return self.driver.execute_script(code, *arguments)

    def one(self, selector):
        """Give the first element of a selector."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        """Give all elements of a selector."""
        return self.driver.find_elements("css selector", selector)

    def texts(self, selector):
        """Give the texts of all elements of a selector, hidden ones too."""
        return self.js("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)

    def choose(self, facet, words):
        """Choose the option of a filter whose text begins with some words."""
        return self.js(
            "const s = document.getElementById(arguments[0]);"
            "const o = [...s.options].find(o => o.text.startsWith(arguments[1]));"
            "s.value = o.value; s.dispatchEvent(new Event('change', {bubbles: true}));",
            facet,
            words,
        )

    def search(self, words):
        """Search for words, without waiting for the typing to end."""
        self.js(
            "document.getElementById('search').value = arguments[0];document.getElementById('filters').requestSubmit()",
            words,
        )

    def reset(self):
        """Take all filters away."""
        self.one("#reset").click()
        self.settle()

    def settle(self, milliseconds: int = 20):
        """Let the page do what it has put off."""
        self.js("const m = arguments[0]; return new Promise(done => setTimeout(done, m))", milliseconds)

    def tab(self, name):
        """Open a tab."""
        self.one(f"#tab-{name}").click()

    @property
    def matching(self):
        """What the page says about how many match."""
        return self.one("#matching").text

    def complaints(self):
        """Give what the browser has to complain about since the last time: errors, refused loads."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def loaded(self):
        """Give whatever the page has loaded beside itself."""
        return self.js("return performance.getEntriesByType('resource').map(e => e.name)")


@pytest.fixture
def page(driver, tmp_path):
    """A page to open; in the end it must have loaded nothing, and no name of a report have come to life."""
    made = Page(driver, tmp_path / "report.html")
    made.complaints()
    yield made
    assert made.complaints() == []
    assert made.loaded() == []
    assert made.js("return window.hit") is None
