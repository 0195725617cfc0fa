"""The HTML page as text: one file that needs nothing, and in which no name of a report is markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from lifetrack.reports.html import embedded
from tests.reports.hostile import NAMES, hostile_report

#: Attributes by which a page loads something, or runs it.
LOADING = {"src", "href", "srcset", "action", "data", "poster", "formaction", "style", "background"}


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of its scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.texts, self.policy = [], [], {"script": [], "style": []}, ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *each) for each in attrs]
        if tag in self.texts:
            self.texts[tag].append("")
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"]

    def handle_data(self, data):
        if self.tags and self.tags[-1] in self.texts and self.texts[self.tags[-1]]:
            self.texts[self.tags[-1]][-1] += data

    def handle_endtag(self, tag):
        self.tags.append(f"/{tag}")


@pytest.fixture(scope="module")
def page():
    pytest.importorskip("jinja2", reason="the extra 'html' is not installed")
    return hostile_report().to_html()


def test_no_name_is_markup(page):
    """The page of hostile names has the elements of the page of none, and nothing that loads or runs."""
    elements = Elements(page)
    plain = hostile_report()
    object.__setattr__(plain, "findings", ())
    assert elements.tags == Elements(plain.to_html()).tags
    assert elements.tags.count("script") == 2
    assert [each for each in elements.attributes if each[1] in LOADING or each[1].startswith("on")] == [
        ("a", "href", "#list")
    ]
    assert "\u202e" not in page


def test_the_data_come_back(page):
    """What stands in the page as data is JSON, with every name in it, and ends where it should."""
    data = json.loads(Elements(page).texts["script"][0])
    shown = set(data["texts"])
    for name in NAMES:
        if name.isprintable():
            assert name in shown
    block = page.partition('id="data">')[2].partition("</script>")[0]
    assert not re.search("[<>&\u2028\u2029]", block)


def test_the_policy_allows_the_page_itself_and_nothing_else(page):
    """Script and style are allowed by their hashes alone; everything else is refused."""
    elements = Elements(page)
    for kind, text in (("script", elements.texts["script"][1]), ("style", elements.texts["style"][0])):
        hashed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{hashed}';" in elements.policy
    assert elements.policy.startswith("default-src 'none'; ")
    assert "unsafe" not in elements.policy
    assert "http" not in elements.policy


@pytest.mark.parametrize("text", NAMES)
def test_embedded_data_are_the_same_data(text):
    """The escapes change how the data are written, not what they are."""
    pytest.importorskip("markupsafe")
    written = str(embedded({"text": text, text: [text]}))
    assert json.loads(written) == {"text": text, text: [text]}
    assert written.isascii()
    assert not set(written) & set("<>&")
