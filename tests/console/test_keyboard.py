"""By keyboard alone, in a real Chromium: tab comes to everything that can be done, shows where it is, and gets out again."""

from __future__ import annotations

import pytest

from console.browser import Browser
from console.test_axe import browser, city, settle
from console.test_console import CHROMIUM, sign_in
from web.house import House

__all__ = ["browser", "city"]  # fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the keyboard is not tested"),
]

PAGES = ("#/services", "#/reach", "#/watch", "#/assurance", "#/as")
MOST = 250  # presses on one page
BEGIN = """(() => {
  const doable = 'a[href], button:enabled, input:enabled:not([type=radio]), select, textarea, summary, [tabindex="0"]'
  window.said = e => e.tagName + ' ' + (e.getAttribute('aria-label') ?? e.innerText ?? e.id ?? '').trim().slice(0, 40)
  window.doable = () => [...document.querySelectorAll(doable)]
    .filter(e => e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true}))
  window.seen = new Set()
  document.activeElement?.blur()
  getSelection().removeAllRanges()
  document.querySelector('.skip').focus()
  window.seen.add(document.activeElement)
})()"""
HERE = """(() => {
  const e = document.activeElement
  if (!e || e === document.body) return null
  const again = window.seen.has(e), style = getComputedStyle(e)
  window.seen.add(e)
  const box = e.namespaceURI.endsWith('svg') && e.querySelector('.box')  // in a picture the box is drawn over, not outlined
  const drawn = box && parseFloat(getComputedStyle(box).strokeWidth) >= 2
  const lit = drawn || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none'
  return [window.said(e), lit, again]
})()"""
MISSED = "window.doable().filter(e => !window.seen.has(e)).map(window.said)"


def walk(browser: Browser) -> tuple[list[str], list[str]]:
    """Tab until the page is left or begins anew: (what was not reached, where it could not be seen)."""
    browser.evaluate(BEGIN)
    unseen: list[str] = []
    for _ in range(MOST):
        browser.press("Tab")
        here = browser.evaluate(HERE)
        if here is None or here[2]:
            return browser.evaluate(MISSED), unseen
        if not here[1]:
            unseen.append(here[0])
    raise AssertionError(f"after {MOST} presses the page does not let go: {browser.evaluate(HERE)}")


def test_the_tab_key_comes_to_everything_shows_where_it_is_and_gets_out(browser: Browser, city: House) -> None:
    browser.look(1440, 900)
    sign_in(browser, city)
    wrong: list[str] = []
    for page in PAGES:
        browser.evaluate(f"location.hash = '{page}'")
        settle(browser)
        missed, unseen = walk(browser)
        wrong += [f"{page}: not reached: {one}" for one in missed]
        wrong += [f"{page}: focus is not seen: {one}" for one in unseen]
    assert not wrong, "\n".join(wrong)


def test_the_skip_link_leads_to_the_content_and_escape_closes_the_search(browser: Browser, city: House) -> None:
    browser.look(1440, 900)
    sign_in(browser, city)
    browser.evaluate("document.querySelector('.skip').focus()")
    browser.press("Enter")
    browser.until("document.activeElement.id === 'main'")
    browser.evaluate(
        "[...document.querySelectorAll('header button')].find(b => b.innerText.includes('Search')).click()"
    )
    browser.until("document.querySelector('dialog[open]')")
    browser.press("Escape")
    browser.until("!document.querySelector('dialog[open]')")
