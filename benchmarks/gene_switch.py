"""How long the page Genes takes to show another gene, with many genes and cells.

    python benchmarks/gene_switch.py --genes 20000 --cells 50000 --switches 20 --out FILE.json

Expression is random and sparse (`--density`), the state fifty principal components, with five times and eight groups;
the model is a small I-CFM. `seconds` is from the key that chooses a gene to its violins and trend being drawn and the
script of the page having run, by the clock of the browser. `page_cpu`, `browser_cpu` and `main_thread` are the
CPU time of a switch in the page's process, in all processes of the browser, and in the thread of the browser
that runs the page's scripts and lays it out, which other work on the machine lengthens less: page and main thread work
one after the other, so their sum (`both`) is about what a user waits for on an idle machine. `script`, `layout` and
`style` are parts of the main thread's time, by the clock; `typing` is its CPU time before, from the click into
the box until the gene that was typed is listed. `page_mb` is the memory of the
page's process after all switches, beside `table_mb`, what a dense table of all genes and cells would take.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import machine
import numpy as np
import psutil
from page import answered, browsed, served
from playwright.sync_api import CDPSession
from scipy.sparse import csc_array

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.store import open_dataset, save_dataset
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.runs import index
from cellflow_core.runs.recipe import Recipe

AXES, MODELLED = 50, 2000
PATIENCE = 120_000
"""Milliseconds after which a page that does not answer, on a machine that is busy, is given up."""
MEASURES = ("seconds", "page_cpu", "browser_cpu", "main_thread", "script", "layout", "style", "typing", "both")
METRICS = ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
"""Of Chromium: `main_thread` and its parts."""
WATCH = """gene => {
  window.switched = new Promise(done => {
    let began = 0
    document.addEventListener("keydown", () => { began = performance.now() }, {capture: true, once: true})
    const drawn = chart => document.querySelector(`.st-key-${chart} .ytitle`)?.textContent === gene
    new MutationObserver((_, watch) => {
      if (!began || !drawn("genes_violins") || !drawn("genes_trend")) return
      if (document.querySelector('[data-testid="stApp"]').dataset.testScriptState !== "notRunning") return
      watch.disconnect()
      requestAnimationFrame(() => setTimeout(() => done((performance.now() - began) / 1000)))
    }).observe(document.body, {subtree: true, childList: true, attributes: true})
  })
}"""
"""Begins to wait, in the browser, for a gene to be shown: polling from outside would cost as much as the page."""


def make(genes: int, cells: int, density: float) -> str:
    """Id of a trained run on random cells."""
    rng = np.random.default_rng(0)
    names = tuple(f"Gene{k:05d}" for k in range(genes))
    held = min(MODELLED, genes)
    loadings = np.linalg.qr(rng.normal(size=(held, AXES)))[0].T.astype(np.float32)
    space = AffineSpace("pca", tuple(f"PC{k + 1}" for k in range(AXES)), names[:held], np.zeros(held), loadings)
    t, kind = np.resize([0.0, 1.0, 2.0, 4.0, 7.0], cells), rng.integers(8, size=cells)
    x = (rng.normal(size=(cells, AXES)) + kind[:, None]).astype(np.float32)
    data = Snapshots(x, t, space, "day", labels={"type": np.char.add("type ", kind.astype(str))})
    dataset = save_dataset(
        data,
        label="random",
        origin="upload",
        source="made here",
        expression=sparse(genes, cells, density, rng),
        expression_genes=names,
    )
    recipe = Recipe(
        "i-cfm", dataset, open_dataset(dataset).info.fingerprint, {"width": 8, "depth": 1}, {"steps": 10}, device="cpu"
    )
    run = index.submit(recipe)
    InProcess().start(run)
    return run.id


def sparse(genes: int, cells: int, density: float, rng: np.random.Generator) -> csc_array:
    """A random table [cells, genes], each gene in its own share of the cells."""
    counts = rng.binomial(cells, np.minimum(density * rng.gamma(1.0, 1.0, genes), 1.0))
    rows = [np.sort(rng.choice(cells, count, replace=False)).astype(np.int32) for count in counts]
    values = rng.gamma(2.0, 0.5, int(counts.sum())).astype(np.float32)
    return csc_array((values, np.concatenate(rows), np.concatenate([[0], np.cumsum(counts)])), shape=(cells, genes))


def switches(home: Path, run: str, genes: int, count: int) -> dict[str, Any]:
    """Seconds of each switch, its CPU time, and the memory of the page's process."""
    rng, rows = np.random.default_rng(1), []
    with served(home) as (address, server), browsed() as page:
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/genes?run={run}&gene=Gene00000")
        answered(page)
        watched = page.context.new_cdp_session(page)
        watched.send("Performance.enable", {"timeDomain": "threadTicks"})
        for k in rng.integers(1, genes, count):
            gene = f"Gene{k:05d}"
            at_first = spent(server.pid, watched)
            box = page.get_by_role("combobox", name="Gene", exact=False).first
            box.click()
            box.fill(gene)
            page.get_by_role("option", name=gene).first.wait_for()
            page.evaluate(WATCH, gene)
            before = spent(server.pid, watched)
            page.keyboard.press("Enter")
            seconds = page.evaluate("window.switched")
            took = spent(server.pid, watched) - before
            rows.append((seconds, *took, (before - at_first)[2], took[0] + took[2]))
        memory = psutil.Process(server.pid).memory_info().rss
    columns = dict(zip(MEASURES, zip(*rows, strict=True), strict=True))
    found = {name: [round(float(each), 3) for each in values] for name, values in columns.items()}
    return found | {"page_mb": memory / 2**20}


def spent(server: int, watched: CDPSession) -> np.ndarray:
    """Time so far (s) of the page's process and of the browser's processes, then METRICS of its main thread."""
    times = psutil.Process(server).cpu_times()
    served_by = {server, *(each.pid for each in psutil.Process(server).children(recursive=True))}
    others = [each for each in psutil.Process().children(recursive=True) if each.pid not in served_by]
    browser = [each.cpu_times() for each in others if each.is_running()]
    metrics = {each["name"]: each["value"] for each in watched.send("Performance.getMetrics")["metrics"]}
    in_all = sum(each.user + each.system for each in browser)
    return np.array([times.user + times.system, in_all, *(metrics[each] for each in METRICS)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genes", type=int, default=20_000)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--density", type=float, default=0.08)
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["CELLFLOW_HOME"] = folder
        run = make(asked.genes, asked.cells, asked.density)
        found = switches(Path(folder), run, asked.genes, asked.switches)
    seconds = found["seconds"]
    found["median"] = {name: statistics.median(found[name]) for name in MEASURES}
    found["table_mb"] = asked.genes * asked.cells * 4 / 2**20
    print(
        f"{asked.genes:,} genes x {asked.cells:,} cells: {min(seconds):.2f} to {max(seconds):.2f} s a switch; medians: "
        + ", ".join(f"{name} {value:.2f} s" for name, value in found["median"].items())
        + f"; the page holds {found['page_mb']:.0f} MB, the table would be {found['table_mb']:.0f} MB"
    )
    if asked.out:
        held = {"date": machine.today(), "machine": machine.here(), "genes": asked.genes, "cells": asked.cells}
        asked.out.write_text(json.dumps(held | {"density": asked.density} | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
