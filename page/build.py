"""Puts template, style, scripts, models and charts into one HTML file that needs no network."""

import base64
import gzip
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.terminal import say
from page.charts import chart_of
from page.contents import pack_run

HERE = Path(__file__).parent
SCRIPTS = ("unpacking.js", "transformer.js", "asking.js", "view.js", "tabs.js", "charts.js", "start.js")
MAX_BYTES = 6_000_000


def build(tabs: dict[str, Sequence[Path]], max_steps: dict[str, int], studies: Sequence[Path], title: str) -> str:
    """The page: `tabs` has the runs of each tab ("ask", "prompt", "facts"), `max_steps` how many steps each keeps."""
    contents = collect(tabs, max_steps, studies)
    page = (HERE / "template.html").read_text()
    for mark, text in {
        "<!-- title -->": html.escape(title),
        "/* style */": (HERE / "style.css").read_text(),
        "<!-- data -->": packed(json.dumps(contents, ensure_ascii=True, separators=(",", ":"))),
        "<!-- chart library -->": packed(chart_library()) if contents["charts"] else "",
        "/* scripts */": in_script("\n".join((HERE / name).read_text() for name in SCRIPTS)),
    }.items():
        before, found, after = page.partition(mark)
        assert found, mark
        page = before + text + after
    return page


def packed(text: str) -> str:
    """Text, compressed, as start.js unpacks it. It holds nothing that is markup."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def collect(tabs: dict[str, Sequence[Path]], max_steps: dict[str, int], studies: Sequence[Path]) -> dict[str, Any]:
    """All that the page shows. Runs of the same world share it."""
    worlds: list[dict[str, Any]] = []
    packed: dict[str, list[dict[str, Any]]] = {}
    for tab, runs in tabs.items():
        packed[tab] = []
        for name in runs:
            say(f"packing {name}")
            run, world = pack_run(name, max_steps.get(tab, 1))
            if world not in worlds:
                worlds.append(world)
            packed[tab].append(run | {"world": worlds.index(world)})
    return {"worlds": worlds, "tabs": packed, "charts": [chart_of(file) for file in studies]}


def chart_library() -> str:
    """Vega, Vega-Lite and vega-embed in one script (BSD licence), which defines window.vegaEmbed."""
    import vl_convert

    return vl_convert.javascript_bundle()


def in_script(code: str) -> str:
    """Code as it may stand in a script element: nothing in it ends the element."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")
