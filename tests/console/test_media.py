"""Where the system chooses the colours, and on paper: in a real Chromium, every page, of cities with something to show.

Forced colours take every ground and shadow away: what was told by a ground alone must be told by an edge, or keep its colour.
On paper nothing scrolls: what a box cuts off, or the page's edge does, is lost.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from console.browser import Browser
from console.rooms import FIXTURES, alerted_city, board, followed_city, out_city, room, served_city
from console.test_axe import CONSOLE, browser, city, settle
from console.test_console import CHROMIUM, sign_in
from web.house import House

__all__ = ["FIXTURES", "alerted_city", "board", "browser", "city", "followed_city", "out_city", "room", "served_city"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="NO CHROMIUM ON THIS MACHINE: forced colours and print are not tested"),
]

Room = tuple[House, tuple[str, ...]]
A4 = 718  # px at 96 dpi, within margins of 1 cm

# small things without a word on them that a ground, and nothing else, tells apart from what they stand on
GROUNDS = """(() => {
  const ground = e => { for (let at = e; at; at = at.parentElement) {
    const c = getComputedStyle(at).backgroundColor; if (!/, 0\\)$|transparent/.test(c)) return c } return '' }
  const bare = [...document.querySelectorAll('main *, header *, nav *')].filter(e => e.namespaceURI.endsWith('xhtml')
    && !e.closest('.maplibregl-map') && !e.innerText?.trim() && !e.querySelector('svg, canvas, input, img')
    && !e.matches('input, select, textarea, canvas, img, button, meter, progress') && e.checkVisibility()
    && e.getBoundingClientRect().width >= 2 && e.getBoundingClientRect().height >= 2)
  window.grounds = bare.filter(e => ground(e) !== ground(e.parentElement))
  return window.grounds.length
})()"""
LOST = """(() => {
  const ground = e => { for (let at = e; at; at = at.parentElement) {
    const c = getComputedStyle(at).backgroundColor; if (!/, 0\\)$|transparent/.test(c)) return c } return '' }
  const edged = e => { const s = getComputedStyle(e)
    const sides = ['Top', 'Right', 'Bottom', 'Left']
    return sides.some(of => s[`border${of}Style`] !== 'none' && parseFloat(s[`border${of}Width`]) > 0)
      || s.outlineStyle !== 'none' }
  const said = e => e.outerHTML.slice(0, 110)
  const lost = (window.grounds ?? []).filter(e => e.isConnected && !edged(e) && ground(e) === ground(e.parentElement))
  const tags = [...document.querySelectorAll('.tag, .badge')].filter(e => e.checkVisibility() && !edged(e))
  const on = '[aria-current]:not([aria-current=false]), [aria-pressed=true], [role=tab][aria-selected=true]'
  const here = [...document.querySelectorAll(on)].filter(e => e.namespaceURI.endsWith('xhtml') && e.checkVisibility())
  const chosen = here.filter(e => !edged(e))
  return [...lost.map(e => `a ground that is gone: ${said(e)}`), ...tags.map(e => `a tag without an edge: ${said(e)}`),
    ...chosen.map(e => `chosen, and not told by an edge: ${said(e)}`)]
})()"""
CUT = """(() => {
  const said = e => e.outerHTML.slice(0, 110)
  const seen = e => e.checkVisibility({visibilityProperty: true})
  const held = e => ['fixed', 'sticky'].includes(getComputedStyle(e).position)
  const stands = [...document.querySelectorAll('body *')].filter(e => seen(e) && held(e))
  const all = [...document.querySelectorAll('main, main *')]
    .filter(e => e.namespaceURI.endsWith('xhtml') && seen(e) && !e.closest('.maplibregl-map, .hidden-words'))
  const clips = all.filter(e => { const s = getComputedStyle(e)
    return !e.matches('input, select, textarea, .frame') && (s.overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1
      || s.overflowY !== 'visible' && e.scrollHeight > e.clientHeight + 1) })
  const over = all.filter(e => e.matches('table, pre, code, p, h1, h2, h3, li, td, figure')
    && e.getBoundingClientRect().width > 1 && e.getBoundingClientRect().right > innerWidth + 1)
  const parts = [...document.querySelectorAll('main > * > *, main > * > * > section')]
  const blocks = parts.filter(e => seen(e) && e.innerText?.trim() && getComputedStyle(e).position === 'static')
  const within = (a, b) => a.contains(b) || b.contains(a)
  const apart = (a, b) => { const [r, s] = [a.getBoundingClientRect(), b.getBoundingClientRect()]
    return r.right <= s.left + 1 || s.right <= r.left + 1 || r.bottom <= s.top + 1 || s.bottom <= r.top + 1 }
  const piled = blocks.flatMap((a, n) => blocks.slice(n + 1).filter(b => !within(a, b) && !apart(a, b)).map(b => [a, b]))
    .filter(([a]) => !a.closest('.is-map'))
  const pictures = [...document.querySelectorAll('.frame > svg')].filter(e => seen(e)).filter(e => {
    const [whole, drawn] = [e.getBoundingClientRect(), e.querySelector('g').getBoundingClientRect()]
    return drawn.right > whole.right + 4 || drawn.bottom > whole.bottom + 4 })
  const rail = document.querySelector('nav')
  const main = document.querySelector('main')
  return [...pictures.map(() => 'a picture is cut'), ...piled.map(([a, b]) => `one over the other: ${said(a)} ${said(b)}`),
    ...stands.map(e => `stands over the page: ${said(e)}`), ...clips.map(e => `cut by a box: ${said(e)}`),
    ...over.map(e => `beyond the paper's edge: ${said(e)}`), ...(rail && seen(rail) ? ['the rail is printed'] : []),
    ...(main && main.getBoundingClientRect().height > 40 ? [] : ['nothing is printed'])]
})()"""


def media(browser: Browser, *, kind: str = "", forced: bool = False, scheme: str = "light") -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    features += [{"name": "forced-colors", "value": "active"}] if forced else []
    browser.call("Emulation.setEmulatedMedia", media=kind, features=features)


def kept(browser: Browser, name: str, page: str) -> None:
    """Kept where somebody wants to look at it, whole."""
    if folder := os.environ.get("CITYWARD_PICTURES"):
        shot = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        file = Path(folder) / f"{name}-{page.strip('#/').replace('/', '-').replace(':', '-') or 'map'}.png"
        file.write_bytes(base64.b64decode(shot))


def go(browser: Browser, page: str, width: int) -> None:
    browser.look(width, 900)
    media(browser)
    browser.evaluate(f"location.hash = '{page}'")
    settle(browser)


def lost_in_forced_colours(browser: Browser, pages: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for page in pages:
        go(browser, page, 1280)
        browser.evaluate(GROUNDS)
        for scheme in ("light", "dark"):
            media(browser, forced=True, scheme=scheme)
            assert browser.evaluate("matchMedia('(forced-colors: active)').matches")
            found += [f"{page} {scheme}: {one}" for one in browser.evaluate(LOST)]
            kept(browser, f"forced-{scheme}", page)
    media(browser)
    return found


def cut_on_paper(browser: Browser, pages: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for page in pages:
        go(browser, page, A4)
        media(browser, kind="print")
        browser.until("matchMedia('print').matches")
        browser.evaluate("dispatchEvent(new Event('beforeprint'))")
        found += [f"{page}: {one}" for one in browser.evaluate(CUT)]
        kept(browser, "print", page)
        browser.evaluate("dispatchEvent(new Event('afterprint'))")
        assert base64.b64decode(browser.call("Page.printToPDF")["data"]).startswith(b"%PDF-")
    media(browser)
    return found


@pytest.mark.slow
def test_every_page_tells_its_states_where_the_system_chooses_the_colours(browser: Browser, city: House) -> None:
    browser.look(1280, 900)
    sign_in(browser, city)
    found = lost_in_forced_colours(browser, CONSOLE)
    assert not found, "\n".join(found)


@pytest.mark.slow
def test_every_page_is_printed_whole(browser: Browser, city: House) -> None:
    browser.look(1280, 900)
    sign_in(browser, city)
    found = cut_on_paper(browser, CONSOLE)
    assert not found, "\n".join(found)


@pytest.mark.slow
def test_pages_with_much_on_them_hold_in_both(browser: Browser, room: Room) -> None:
    door, pages = room
    browser.look(1280, 900)
    sign_in(browser, door)
    found = lost_in_forced_colours(browser, pages) + cut_on_paper(browser, pages)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", ["/public/", "/stops/", "/sign-in"])
def test_the_public_pages_are_printed_whole(browser: Browser, city: House, page: str) -> None:
    browser.look(A4, 900)
    browser.open(f"{city.url}{page}")
    media(browser, kind="print")
    found = browser.evaluate(CUT)
    kept(browser, "print", page)
    assert found == []
    # and the reading can fail: something that stands over the page, and something wider than the paper
    browser.evaluate(
        "(e => { e.innerText = 'over'; e.style.position = 'fixed'; const wide = e.cloneNode(true);"
        " wide.style.position = 'static';"
        " wide.style.width = '2000px'; document.querySelector('main').append(e, wide) })(document.createElement('p'))"
    )
    assert {one.split(":")[0] for one in browser.evaluate(CUT)} >= {"stands over the page", "beyond the paper's edge"}
    media(browser)
