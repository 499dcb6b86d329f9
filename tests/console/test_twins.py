"""Every map and every graph has its list twin: on all pages, a picture is beside words that say the same, or has them itself."""

from __future__ import annotations

import pytest

from console.browser import Browser
from console.rooms import FIXTURES, alerted_city, board, followed_city, out_city, room, served_city
from console.test_axe import CONSOLE, browser, city, settle
from console.test_console import CHROMIUM, sign_in
from web.house import House

__all__ = ["FIXTURES", "alerted_city", "board", "browser", "city", "followed_city", "out_city", "room", "served_city"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the twins of pictures are not looked for"
    ),
]

# pictures that are more than a sign beside words: what is drawn in them, and the smallest of them is larger than any sign
PICTURES = """(() => {
  const large = e => { const r = e.getBoundingClientRect(); return r.width >= 80 && r.height >= 40 && e.checkVisibility() }
  const all = [...document.querySelectorAll('main canvas, main svg')].filter(large)
  return all.filter(e => !e.parentElement.closest('svg'))
})()"""
# a table or a list with at least an item, within the part of the page that the picture stands in, or beside it; or the picture's
# own words, as its role and name say
ALONE = f"""{PICTURES}.filter(e => {{
  for (let at = e.parentElement; at && at.tagName !== 'BODY'; at = at.parentElement) {{
    const words = [...at.querySelectorAll('table tbody tr, ol > li, ul:not(.legend) > li, dl > dd')]
    if (at.querySelector('a[href="#/chain"]') && e.matches('.frame > svg')) return false  // the list is a page of its own
    if (words.some(one => !one.closest('svg, .legend') && one.innerText?.trim())) return false
    if (at.tagName === 'MAIN') break
  }}
  return !(e.getAttribute('role') === 'img' && (e.getAttribute('aria-label') ?? '').length > 20)
}}).map(e => e.outerHTML.slice(0, 120))"""


def alone(browser: Browser, pages: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """(pages with a picture, pictures without a twin)."""
    drawn, found = list[str](), list[str]()
    for page in pages:
        browser.evaluate(f"location.hash = '{page}'")
        settle(browser)
        if browser.evaluate(f"{PICTURES}.length"):
            drawn.append(page)
        found += [f"{page}: {one}" for one in browser.evaluate(ALONE)]
    return drawn, found


@pytest.mark.slow
def test_every_picture_of_the_demonstration_city_has_its_list(browser: Browser, city: House) -> None:
    browser.look(1440, 900)
    sign_in(browser, city)
    drawn, found = alone(browser, CONSOLE)
    assert {"#/", "#/chain", "#/reach"} <= set(drawn)
    assert not found, "\n".join(found)
    # what the chain's list says is what its picture shows: every flow and every end of one
    browser.evaluate("location.hash = '#/chain'")
    settle(browser)
    browser.until("document.querySelectorAll('.left .edge').length > 10")
    flows = browser.evaluate("document.querySelectorAll('.left .edge').length")
    assert browser.evaluate("document.querySelectorAll('main aside li').length") >= flows
    # and the reading can fail: a picture that stands alone is found
    browser.evaluate("document.querySelectorAll('main aside').forEach(side => side.remove())")
    assert browser.evaluate(ALONE)


@pytest.mark.slow
def test_every_picture_of_a_page_with_much_on_it_has_its_list(
    browser: Browser, room: tuple[House, tuple[str, ...]]
) -> None:
    door, pages = room
    browser.look(1440, 900)
    sign_in(browser, door)
    _, found = alone(browser, pages)
    assert not found, "\n".join(found)
