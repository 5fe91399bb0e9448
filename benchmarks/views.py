"""How quickly a picture of many cells answers, through a real server and browser, and what it sends and holds.

    python benchmarks/views.py --cells 100000 --repeats 15 --out FILE.json
    python benchmarks/views.py --cells 1000000 --only open

Cells are those of synthetic_tree.py with genes as axes, on which a small OT-CFM is trained. Each change is made as a
user makes it, with mouse or keys:

colour   another colour of the cells, on Data
gene     another gene, on Data
lasso    an outline drawn around cells, on Data
time     another time on Flow with particles, worked out anew; again: one that was asked before

`ms` is from the key or the button of the mouse that ends the change to the new picture being on the screen, by the
clock of the browser; `server_ms` the CPU time of the page's process and of the workers that answer it, which
other work on the machine lengthens less; `bytes` what the server sent meanwhile. `open` is the first picture from the
navigation on; `pan` the pictures a second and the cells drawn in each while the map is dragged, `particles` the steps a
second on Flow, `heap_mb` the heap of the page's scripts and `buffer_mb` the arrays outside it. A machine without a
GPU draws in software: the file says which it was.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import machine
import numpy as np
import psutil
from page import RUN, browsed, served
from playwright.sync_api import Page, WebSocket

sys.path.insert(0, str(Path(__file__).parents[1]))

from synthetic_tree import tree

from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.store import open_dataset, save_dataset
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.runs import index
from cellflow_core.runs.recipe import Recipe

WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
BEGUN = """
for (const each of ["pointerup", "keydown"]) addEventListener(each, () => { window.begun = performance.now(); }, true);
"""
CHANGED = "([map, before]) => JSON.stringify(map.cellMap.head) !== before && map.cellMap.shown > window.begun"
DRAG = """
async (map) => {
  const frame = map.querySelector(".frame");
  const [box, held] = [frame.getBoundingClientRect(), map.cellMap];
  const at = (kind, x) => frame.dispatchEvent(new PointerEvent(kind, {
    pointerId: 1, pointerType: "touch", bubbles: true, clientX: box.left + box.width / 2 + x, clientY: box.top + 99}));
  frame.setPointerCapture = () => undefined;
  at("pointerdown", 0);
  const drawn = [];
  const [begun, frames] = [performance.now(), held.frames];
  for (let k = 0; performance.now() - begun < 5000; k += 1) {
    at("pointermove", 120 * Math.sin(k / 8));
    await new Promise(requestAnimationFrame);
    drawn.push(held.drawn);
  }
  const seconds = (performance.now() - begun) / 1000;
  at("pointerup", 0);
  return {fps: (held.frames - frames) / seconds, drawn: drawn.sort((a, b) => a - b)[drawn.length >> 1]};
}
"""
DRAWN_BY = """
() => {
  const gl = document.createElement("canvas").getContext("webgl2");
  return gl.getParameter(gl.getExtension("WEBGL_debug_renderer_info").UNMASKED_RENDERER_WEBGL);
}
"""


def make(cells: int, dims: int, steps: int) -> tuple[str, str]:
    """Ids of the data set and of a run on it."""
    made = tree(cells, dims)
    data = replace(made, space=AffineSpace.of_genes(tuple(f"Gene{k:02d}" for k in range(dims))))
    dataset = save_dataset(data, label="tree", origin="upload", source="made here")
    fingerprint = open_dataset(dataset).info.fingerprint
    run = index.submit(Recipe("ot-cfm", dataset, fingerprint, training={"steps": steps}, device="cpu"))
    InProcess().start(run)
    return dataset, run.id


@dataclass
class Visitor:
    """A page of the app, what was sent to it, and the processes that answer it."""

    page: Page
    address: str
    server: psutil.Process
    sent: int = 0
    rows: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(180_000)
        self.page.add_init_script(BEGUN)
        self.page.on("websocket", lambda socket: self._listen(socket))

    def _listen(self, socket: WebSocket) -> None:
        def received(payload: str | bytes) -> None:
            self.sent += len(payload)

        socket.on("framereceived", received)

    def open(self, path: str) -> dict[str, float]:
        """Go to a page and wait for its map: seconds from the navigation to the picture, and what it holds."""
        before, spent = self.sent, self.spent()
        self.page.goto(f"{self.address}/{path}")
        map = self.map()
        self.page.wait_for_function("(map) => map.cellMap.shown", arg=map)
        seconds = map.evaluate("(map) => map.cellMap.shown") / 1000
        self.page.locator(RUN).wait_for()
        held = self.memory()
        return {"seconds": seconds, "server_s": self.spent() - spent, "bytes": self.sent - before, **held}

    def map(self) -> Any:
        return self.page.locator(".map").first.element_handle()

    def spent(self) -> float:
        """CPU time so far (s) of the page's process and of its workers."""
        every = [self.server, *self.server.children(recursive=True)]
        return sum(sum(each.cpu_times()[:2]) for each in every if each.is_running())

    def rest(self) -> None:
        """Wait until the server works out nothing more, such as the check of the model that Flow asks for once."""
        spent = -1.0
        while self.spent() - spent > 0.05:
            spent = self.spent()
            self.page.wait_for_timeout(3000)

    def memory(self) -> dict[str, float]:
        """Heap of the scripts, and buffers outside it, after rubbish was collected (MB)."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")
        session.detach()
        return {"heap_mb": used["usedSize"] / 1e6, "buffer_mb": used.get("backingStorageSize", 0) / 1e6}

    def change(self, name: str, act: Callable[[], None]) -> None:
        """One row of this name: from the last event of the act to another picture."""
        map = self.map()
        before = map.evaluate("(map) => JSON.stringify(map.cellMap.head)")
        sent, spent = self.sent, self.spent()
        act()
        self.page.wait_for_function(CHANGED, arg=[map, before])
        ms = map.evaluate("(map) => map.cellMap.shown - window.begun")
        self.page.locator(RUN).wait_for()
        self.page.wait_for_timeout(200)
        found = {"ms": ms, "server_ms": 1000 * (self.spent() - spent), "bytes": self.sent - sent}
        self.rows.setdefault(name, []).append(found)

    def choose(self, name: str, box: str, option: str) -> None:
        """Take an option of a list by its first letters and a key."""
        where = self.page.get_by_role("combobox", name=box)
        where.click()
        where.fill(option)
        self.page.get_by_role("option", name=option, exact=True).first.wait_for()
        self.change(name, lambda: where.press("Enter"))

    def outline(self, size: float) -> None:
        """An outline by the mouse around the middle of the map."""
        box = self.page.locator(".map .frame").bounding_box() or {}
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse, corners = self.page.mouse, [(np.cos(a), np.sin(a)) for a in np.linspace(0, 6, 24)]
        mouse.move(x + size, y)
        mouse.down()
        for across, up in corners:
            mouse.move(x + size * across, y + size * up)
        self.change("lasso", mouse.up)


def on_data(visitor: Visitor, dataset: str, repeats: int) -> dict[str, float]:
    """The changes on Data, and how the map is moved."""
    found = visitor.open(f"data?dataset={dataset}")
    page = visitor.page
    page.locator(".map .frame").scroll_into_view_if_needed()
    found |= {f"pan_{name}": value for name, value in visitor.map().evaluate(DRAG).items()}
    if not repeats:
        return found
    for k in range(repeats):
        visitor.choose("colour", "Colour by", ("branch", "time")[k % 2])
    visitor.choose("colour", "Colour by", "a gene")
    for k in range(repeats):
        visitor.choose("gene", "Gene", f"Gene{k + 1:02d}")
    page.locator(".map .outline").click()
    for k in range(repeats):
        visitor.outline(40 + 5 * k)
    return found


def on_flow(visitor: Visitor, run: str, repeats: int) -> dict[str, float]:
    """The changes on Flow, with particles."""
    found = visitor.open(f"flow?run={run}&style=Particles&time=0")
    page = visitor.page
    visitor.rest()
    map = visitor.map()
    steps = [map.evaluate("(map) => [map.cellMap.steps, performance.now()]")]
    page.wait_for_timeout(5000)
    steps.append(map.evaluate("(map) => [map.cellMap.steps, performance.now()]"))
    found["particles"] = map.evaluate("(map) => map.cellMap.particles.count")
    found["particle_fps"] = 1000 * (steps[1][0] - steps[0][0]) / (steps[1][1] - steps[0][1])
    slider = page.get_by_role("slider").first
    slider.focus()
    for name, key in (("time", "ArrowRight"), ("again", "ArrowLeft")):
        for _ in range(min(repeats, 16)):
            visitor.change(name, lambda key=key: slider.press(key))
    return found


def summary(rows: list[dict[str, float]]) -> dict[str, float]:
    """Median and 95 % quantile of each column."""
    found = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        found[name] = statistics.median(values)
        found[f"{name}_p95"] = float(np.quantile(values, 0.95))
    return found


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Make, measure, print and write; returns what was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=50)
    parser.add_argument("--steps", type=int, default=300, help="of training")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--only", choices=("data", "flow", "open"), help="one part; open: the first picture alone")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    found: dict[str, Any] = {"date": machine.today(), "machine": machine.here(), "cells": asked.cells, "opened": {}}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["CELLFLOW_HOME"] = folder
        dataset, run = make(asked.cells, asked.dims, asked.steps if asked.only in (None, "flow") else 1)
        with served(Path(folder)) as (address, server), browsed(*WEBGL) as page:
            visitor = Visitor(page, address, psutil.Process(server.pid))
            page.goto(address)  # the first page of a server reads what all others find ready
            page.locator(RUN).wait_for()
            if asked.only in (None, "data", "open"):
                repeats = 0 if asked.only == "open" else asked.repeats
                found["opened"]["data"] = on_data(visitor, dataset, repeats)
            if asked.only in (None, "flow"):
                found["opened"]["flow"] = on_flow(visitor, run, asked.repeats)
            found["drawn_by"] = page.evaluate(DRAWN_BY)
    found["rows"] = visitor.rows
    found["changes"] = {name: summary(rows) for name, rows in visitor.rows.items()}
    print(table(found))
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")
    return found


def table(found: dict[str, Any]) -> str:
    """Changes below each other, then what opening a page costs."""
    lines = [f"{found['cells']:,} cells, drawn by {found['drawn_by']}", ""]
    lines.append(f"{'':8} {'ms':>7} {'p95':>7} {'server ms':>10} {'p95':>7} {'kB':>8} {'p95':>8}")
    for name, each in found["changes"].items():
        shown = (each["ms"], each["ms_p95"], each["server_ms"], each["server_ms_p95"])
        sent = (each["bytes"] / 1e3, each["bytes_p95"] / 1e3)
        lines.append("{:8} {:7.0f} {:7.0f} {:10.0f} {:7.0f} {:8.0f} {:8.0f}".format(name, *shown, *sent))
    for name, each in found["opened"].items():
        lines.append(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in each.items()))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
