"""By keyboard alone, in a real Chromium: tab comes to everything that can be done, shows where it is, and gets out again.

Seen means (WCAG 2.2, 2.4.13): something of at least two pixels around the thing is there with the focus and not without it, three
times as bright or as dark as the ground it stands on. So a thing that is chosen, and has an edge for that, needs another one.
"""

from __future__ import annotations

import pytest

from console.browser import Browser
from console.test_axe import CONSOLE, browser, city, settle
from console.test_console import CHROMIUM, sign_in
from web.house import House

__all__ = ["browser", "city"]  # fixtures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: the keyboard is not tested"),
]

QUICK = ("#/services", "#/watch", "#/as")
MOST = 400  # presses on one page
BEGIN = """(() => {
  const doable = 'a[href], button:enabled, input:enabled:not([type=radio]), select:enabled, textarea, summary, [tabindex="0"]'
  window.said = e => e.tagName + ' ' + (e.getAttribute('aria-label') ?? e.innerText ?? e.id ?? '').trim().slice(0, 40)
  window.doable = () => [...document.querySelectorAll(doable)]
    .filter(e => e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true}))
  const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
  const rgba = colour => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data]
  }
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  const bright = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255)
  const apart = (one, other) => {
    const [a, b] = [bright(one), bright(other)].sort((x, y) => y - x)
    return (a + 0.05) / (b + 0.05)
  }
  const ground = e => {
    for (let at = e; at; at = at.parentElement) {
      const found = rgba(getComputedStyle(at).backgroundColor)
      if (found[3] === 255) return found
    }
    return [255, 255, 255, 255]
  }
  // every mark around a thing that can be seen: [what it is, its colour, its width]
  const marks = e => {
    const style = getComputedStyle(e), found = []
    if (style.outlineStyle !== 'none') found.push(['outline', style.outlineColor, parseFloat(style.outlineWidth)])
    const cast = style.boxShadow
    const widest = Math.max(0, ...(cast.match(/-?[\\d.]+(?=px)/g) ?? []).map(Number))
    if (cast !== 'none') found.push([`shadow ${cast}`, cast.slice(0, cast.indexOf(')') + 1), widest])
    for (const shape of e.namespaceURI.endsWith('svg') ? e.querySelectorAll('rect') : []) {
      const {display, stroke, strokeWidth} = getComputedStyle(shape)
      if (display !== 'none' && stroke !== 'none') found.push([`edge ${stroke}`, stroke, parseFloat(strokeWidth)])
    }
    return found
  }
  // with the focus, and without it, one after the other: what only the focus shows
  window.lit = e => {
    const behind = ground(parseFloat(getComputedStyle(e).outlineOffset) < 0 ? e : e.parentElement)
    const shown = marks(e)
    e.blur()
    const before = marks(e).map(one => one[0] + one[2])
    e.focus({focusVisible: true, preventScroll: true})
    const gained = shown.filter(([kind, _, width]) => !before.includes(kind + width) && width >= 2)
    return gained.some(([_, colour]) => rgba(colour)[3] > 0 && apart(rgba(colour), behind) >= 3)
  }
  window.seen = new Set()
  document.activeElement?.blur()
  getSelection().removeAllRanges()
  document.querySelector('.skip').focus()
  window.seen.add(document.activeElement)
})()"""
HERE = """(() => {
  const e = document.activeElement
  if (!e || e === document.body) return null
  const again = window.seen.has(e)
  window.seen.add(e)
  return [window.said(e), again || window.lit(e), again, document.activeElement === e]
})()"""
MISSED = "window.doable().filter(e => !window.seen.has(e)).map(window.said)"
OPENED = "document.querySelector('dialog[open]')"
WITHIN = f"{OPENED}?.contains(document.activeElement)"


def walk(browser: Browser) -> tuple[list[str], list[str]]:
    """Tab until the page is left or begins anew: (what was not reached, where it could not be seen)."""
    browser.evaluate(BEGIN)
    unseen: list[str] = []
    for _ in range(MOST):
        browser.press("Tab")
        here = browser.evaluate(HERE)
        if here is None or here[2]:
            return browser.evaluate(MISSED), unseen
        assert here[3], f"{here[0]} does not take the focus back"
        if not here[1]:
            unseen.append(here[0])
    raise AssertionError(f"after {MOST} presses the page does not let go: {browser.evaluate(HERE)}")


def wrong_on(browser: Browser, pages: tuple[str, ...], scheme: str = "light") -> list[str]:
    wrong: list[str] = []
    for page in pages:
        browser.look(1440, 900, scheme)
        browser.evaluate(f"location.hash = '{page}'")
        settle(browser)
        missed, unseen = walk(browser)
        wrong += [f"{page} {scheme}: not reached: {one}" for one in missed]
        wrong += [f"{page} {scheme}: focus is not seen: {one}" for one in unseen]
    return wrong


def test_the_tab_key_comes_to_everything_shows_where_it_is_and_gets_out(browser: Browser, city: House) -> None:
    browser.look(1440, 900)
    sign_in(browser, city)
    wrong = wrong_on(browser, QUICK)
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_so_it_is_on_every_page(browser: Browser, city: House, scheme: str) -> None:
    browser.look(1440, 900, scheme)
    sign_in(browser, city)
    wrong = wrong_on(browser, CONSOLE, scheme)
    assert not wrong, "\n".join(wrong)


def test_the_focus_is_seen_on_a_box_of_the_chain_that_is_chosen(browser: Browser, city: House) -> None:
    browser.look(1440, 900)
    sign_in(browser, city)
    browser.evaluate("location.hash = '#/chain/cityward'")
    browser.until("document.querySelector('.node.is-chosen')")
    browser.evaluate(BEGIN)
    browser.press("Tab")  # by the keyboard: a browser shows where a pointer put the focus in its own way
    browser.evaluate("document.querySelector('.node.is-chosen').focus()")
    assert browser.evaluate("window.lit(document.activeElement)")
    # and the test can fail: without the ring, the edge of what is chosen is no sign of the focus
    browser.evaluate("document.querySelectorAll('.ring').forEach(ring => ring.remove())")
    assert not browser.evaluate("window.lit(document.activeElement)")


def test_the_skip_link_leads_to_the_content(browser: Browser, city: House) -> None:
    browser.look(1440, 900)
    sign_in(browser, city)
    browser.evaluate("document.querySelector('.skip').focus()")
    browser.press("Enter")
    browser.until("document.activeElement.id === 'main'")


def kept_in(browser: Browser, opener: str) -> None:
    """The open dialog has the focus, keeps it for twice as many tabs as it has stops, and gives it back to `opener`."""
    browser.until(WITHIN)
    stops = browser.evaluate(f"{OPENED}.querySelectorAll('button, input, select, a').length")
    outside: list[str] = []
    for _ in range(2 * stops + 2):
        browser.press("Tab")
        # the browser's own frame is a stop of its own: there the focus is nowhere in the page
        outside += browser.evaluate(
            f"(e => e === document.body || {OPENED}.contains(e) ? [] : [e.outerHTML.slice(0, 80)])(document.activeElement)"
        )
    assert outside == []
    assert browser.evaluate(f"{OPENED}.matches(':modal') && {OPENED}.ariaLabel !== '' && {OPENED}.computedRole !== ''")
    browser.evaluate(f"{OPENED}.querySelector('button, input').focus()")
    browser.press("Escape")
    browser.until(f"!{OPENED} && {opener} === document.activeElement")


def test_every_dialog_takes_the_focus_keeps_it_gives_it_back_and_escape_closes_it(
    browser: Browser, city: House
) -> None:
    browser.look(1440, 900)
    sign_in(browser, city)
    search = "[...document.querySelectorAll('header button')].find(b => b.innerText.includes('Search'))"
    browser.evaluate(f"{search}.focus(), {search}.click()")
    kept_in(browser, search)
    browser.evaluate("location.hash = '#/register/quay-crossings-01'")
    replace = "[...document.querySelectorAll('main td button')].find(b => b.ariaLabel.startsWith('Replace'))"
    browser.until(replace)
    browser.evaluate(f"{replace}.focus(), {replace}.click()")
    kept_in(browser, replace)
