"""Many people on one server: how long each page lets them wait, whether any fails, and what memory the server takes.

    python benchmarks/sessions.py --sessions 50 --seconds 300 --out FILE.json

A server of its own on a home with a data set, a trained run and one more run in training. Each session is a websocket
that speaks as the browser does (protobuf): it opens a page, waits for its end, thinks for a few seconds
and goes to another one in the same session. An answer is the time from the request to the end of the script. Errors
are scripts that do not finish, and what a page shows as an error. Drawing by a browser is not part of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine
import psutil
import websockets
from page import ROOT, served
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.typing import Origin, Subprotocol

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.runs.run import Run

PAGES = ("", "learn", "data", "train", "runs", "compare", "landscape", "flow", "time", "fates")
THINKING = (3.0, 8.0)
"""Seconds between an answer and the next page, at least and at most."""
PATIENCE = 60.0
STREAMLIT = Subprotocol("streamlit")
MAKE = """
import json
from dataclasses import replace
from tests import toys
from tests.browser.small_runs import cells
from cellflow_core.runs import index
from cellflow_core.jobs import supervisor
data = toys.stored(cells(("Gata1", "Spi1", "Cebpa"), (0.0, 1.0, 2.0), seed=1), label="Blood cells")
run = toys.finished(toys.recipe(data)).id
training = index.submit(toys.recipe(data, training={"steps": 10_000_000, "batch_size": 64, "log_every": 100}))
supervisor.ensure_supervisor()
print(json.dumps({"dataset": data, "run": run, "training": training.id}))
"""


@dataclass
class Seen:
    """What the sessions saw. waits: seconds by page; errors: in words; megabytes: of the server, over time."""

    waits: dict[str, list[float]] = field(default_factory=lambda: {each: [] for each in PAGES})
    errors: list[str] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


def asked(page: str, ids: dict[str, str]) -> bytes:
    """The request of a browser for a page, with what its link holds."""
    message = BackMsg()
    message.rerun_script.page_name = page
    with_run = {"landscape", "flow", "time", "fates"}
    message.rerun_script.query_string = f"run={ids['run']}" if page in with_run else f"dataset={ids['dataset']}"
    return message.SerializeToString()


async def answered(socket: Any, page: str, seen: Seen) -> None:
    """Read until the script of the page has ended."""
    while True:
        message = ForwardMsg.FromString(await asyncio.wait_for(socket.recv(), PATIENCE))
        kind = message.WhichOneof("type")
        if kind == "delta":
            element = message.delta.new_element
            of = element.WhichOneof("type")
            if of == "exception" or (of == "alert" and element.alert.format == element.alert.ERROR):
                text = element.exception.message if of == "exception" else element.alert.body
                seen.errors.append(f"{page or 'home'}: {text[:200]}")
        elif kind == "page_not_found":
            seen.errors.append(f"{page}: not found")
        elif kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                continue  # the page runs once more by itself
            if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                seen.errors.append(f"{page or 'home'}: ended with status {message.script_finished}")
            return


async def session(address: str, ids: dict[str, str], until: float, seen: Seen, seed: int) -> None:
    """One visitor, from page to page until the time is over."""
    choose = random.Random(seed)
    await asyncio.sleep(choose.uniform(0.0, THINKING[1]))
    url = f"{address.replace('http', 'ws')}/_stcore/stream"
    try:
        async with websockets.connect(url, origin=Origin(address), subprotocols=[STREAMLIT], max_size=None) as socket:
            while time.monotonic() < until:
                page = choose.choice(PAGES)
                began = time.monotonic()
                await socket.send(asked(page, ids))
                await answered(socket, page, seen)
                seen.waits[page].append(time.monotonic() - began)
                await asyncio.sleep(choose.uniform(*THINKING))
    except (OSError, TimeoutError, websockets.WebSocketException) as error:
        seen.errors.append(f"session {seed}: {type(error).__name__} {error}")


async def watch_memory(process: int, until: float, seen: Seen) -> None:
    """Resident memory (MB) of the server without its calculating processes, every few seconds."""
    while time.monotonic() < until:
        seen.megabytes.append(psutil.Process(process).memory_info().rss / 1e6)
        await asyncio.sleep(5.0)


async def visit(address: str, process: int, ids: dict[str, str], chosen: argparse.Namespace) -> tuple[Seen, Seen]:
    """What the sessions saw while everything was asked for the first time, by one of them, and then by all."""
    first, seen = Seen(), Seen()
    warm = time.monotonic() + chosen.warm
    await session(address, ids, warm, first, seed=-1)
    until = time.monotonic() + chosen.seconds
    visitors = [session(address, ids, until, seen, each) for each in range(chosen.sessions)]
    await asyncio.gather(watch_memory(process, until, seen), *visitors)
    return first, seen


def row(first: Seen, seen: Seen, chosen: argparse.Namespace, training: str) -> dict[str, Any]:
    """The numbers to store."""
    every = [wait for waits in seen.waits.values() for wait in waits]
    third = max(1, len(seen.megabytes) // 3)
    return {
        "date": machine.today(),
        "machine": machine.here() | {"load": os.getloadavg()[1]},
        "sessions": chosen.sessions,
        "seconds": chosen.seconds,
        "answers": len(every),
        "median_ms": round(1000 * statistics.median(every)),
        "p95_ms": round(1000 * statistics.quantiles(every, n=20)[-1]),
        "median_ms_by_page": {
            name or "home": round(1000 * statistics.median(waits)) for name, waits in seen.waits.items() if waits
        },
        "errors": dict(Counter([*first.errors, *seen.errors])),
        "memory_mb_first_third": round(statistics.mean(seen.megabytes[:third])),
        "memory_mb_last_third": round(statistics.mean(seen.megabytes[-third:])),
        "training": training,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--warm", type=float, default=90.0, help="seconds in which one session opens pages first")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cellflow-sessions-") as folder:
        home = Path(folder) / "home"
        environment = os.environ | {"CELLFLOW_HOME": str(home), "CELLFLOW_IDLE": "1"}
        made = subprocess.run(
            [sys.executable, "-c", MAKE], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
        )
        ids = json.loads(made.stdout)
        with served(home) as (address, server):
            first, seen = asyncio.run(visit(address, server.pid, ids, chosen))
            training = Run(home / "runs" / ids["training"])
            state = training.status().state
            training.cancel()
            time.sleep(3.0)
        found = row(first, seen, chosen, state)
    text = json.dumps(found, indent=1)
    print(text)
    if chosen.out:
        chosen.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
