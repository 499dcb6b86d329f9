"""axe-core in the page that a test looks at: what it finds, in lines that a person mends by.

The door's policy takes no script but the city's own, so axe is run in a world of its own beside the page's (DevTools), where the
policy stays what it is. It is a development dependency of the console (`npm ci` in `console/`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from console.browser import Browser

AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
MOST_NODES = 4  # of one rule, in words


def violations(browser: Browser, page: str) -> list[str]:
    """What is wrong with what the browser shows: one line for each rule, with its first places and axe's own mend."""
    tree = browser.call("Page.getFrameTree")["frameTree"]
    world = browser.call("Page.createIsolatedWorld", frameId=tree["frame"]["id"], worldName="axe")["executionContextId"]
    _in(browser, world, f"{AXE.read_text()}; 0")
    found = _in(
        browser,
        world,
        f"axe.run(document, {{runOnly: {json.dumps(TAGS)}, resultTypes: ['violations']}}).then(r => JSON.stringify("
        "r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => "
        "[n.target.join(' '), n.html.slice(0, 140), (n.any[0] ?? n.all[0] ?? n.none[0])?.message])}))))",
    )
    return [
        f"{page}: {one['id']} ({one['help']}), {len(one['nodes'])} places:{_places(one)}" for one in json.loads(found)
    ]


def _places(one: dict[str, Any]) -> str:
    return "".join(f"\n      {where}\n        {html}\n        {why}" for where, html, why in one["nodes"][:MOST_NODES])


def _in(browser: Browser, world: int, expression: str) -> Any:
    outcome = browser.call(
        "Runtime.evaluate",
        expression=expression,
        contextId=world,
        awaitPromise=True,
        returnByValue=True,
        timeout=30_000,
    )
    if "exceptionDetails" in outcome:
        raise AssertionError(outcome["exceptionDetails"].get("exception", {}).get("description", expression[:200]))
    return outcome["result"].get("value")
