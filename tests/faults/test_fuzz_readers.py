"""Damaged files of every format: each becomes a table or one sentence, and no data set is half written.

Every case runs in a forked process with an alarm, as the app runs reads in a process of their own: a crash inside the
HDF5 library is then an outcome that is counted and told (jobs/alone.py) and no end of the app.
"""

from __future__ import annotations

import os
import resource
import signal
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.data.importing import BadInput, ImportChoices, import_file, inspect_file
from cellflow_core.data.readers import Table, read
from cellflow_core.home import data_root
from tests import made_files as made

SECONDS = 10
MEMORY = 6_000_000_000  # bytes of data that one case may hold
OUTCOMES = ("table", "refused", "wrong")
SHARED = ("guo2010_preimplantation/guo2010_440x48.h5ad", "weinreb_larry_cospar/larry_test_781cells.h5ad")
SHARED += ("beeline_curated/mCAD_2000_0/ExpressionData.csv.gz", "pharmacokinetics/warfarin.csv")
Rng = np.random.Generator


def seeds(folder: Path) -> dict[str, bytes]:
    """Small files of every format, by name."""
    files = [made.h5ad(folder / f"{way}.h5ad", way) for way in ("csr", "csc", "dense")]
    files += [made.tenx(folder / f"v{version}.h5", version) for version in (2, 3)]
    files += [made.loom(folder / "a.loom"), made.csv(folder / "a.csv"), made.csv(folder / "b.csv.gz")]
    files += [made.npz(folder / "a.npz"), made.zipped(folder / "v3.zip", made.folder(3))]
    files += [made.zipped(folder / "v2.zip", made.folder(2)), made.tarred(folder / "v2.tar.gz", made.folder(2))]
    files += [made.tarred(folder / "v2.tar", made.folder(2), "w")]
    return {each.name: each.read_bytes() for each in files}


def flipped(data: bytearray, rng: Rng) -> bytearray:
    for at in rng.integers(0, len(data), size=int(rng.integers(1, 30))):
        data[at] ^= 1 << int(rng.integers(8))
    return data


def flipped_at_the_start(data: bytearray, rng: Rng) -> bytearray:
    """Where the formats keep what they declare: shapes, kinds, sizes."""
    head = min(len(data), 4096)
    for at in rng.integers(0, head, size=int(rng.integers(1, 6))):
        data[at] = int(rng.integers(256))
    return data


def truncated(data: bytearray, rng: Rng) -> bytearray:
    return data[: int(rng.integers(1, len(data)))]


def spliced(data: bytearray, rng: Rng) -> bytearray:
    """One block written over another place."""
    size = int(rng.integers(1, max(2, len(data) // 4)))
    here, there = (int(rng.integers(0, len(data) - size + 1)) for _ in range(2))
    data[there : there + size] = data[here : here + size]
    return data


def filled(data: bytearray, rng: Rng) -> bytearray:
    """A block of zeros or ones: sizes and addresses that are nothing or huge."""
    size = int(rng.integers(1, 64))
    at = int(rng.integers(0, max(1, len(data) - size)))
    data[at : at + size] = bytes([0 if rng.random() < 0.5 else 255]) * len(data[at : at + size])
    return data


def inserted(data: bytearray, rng: Rng) -> bytearray:
    at = int(rng.integers(0, len(data)))
    return data[:at] + rng.bytes(int(rng.integers(1, 64))) + data[at:]


MUTATIONS = (flipped, flipped_at_the_start, truncated, spliced, filled, inserted)


def outcome(path: Path, name: str, case: int, log: Path) -> str:
    """What becomes of one file, in a process of its own."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            signal.alarm(SECONDS)
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            warnings.simplefilter("ignore")  # numbers out of damaged bytes overflow, and that is no fault
            code = attempt(path, name, case)
        except BaseException:  # noqa: BLE001 - the parent fails on it and shows it
            log.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "hang" if number == signal.SIGALRM else f"crash {signal.Signals(number).name}"
    return OUTCOMES[os.WEXITSTATUS(status)]


def attempt(path: Path, name: str, case: int) -> int:
    """0 for a table, 1 for one sentence; anything else is raised. Every fourth case goes on to a data set."""
    try:
        table = read(path, name, 5 if case % 2 else None)
        assert isinstance(table, Table) and table.cells > 0
        if case % 4 == 0:
            found = inspect_file(path, name)
            time = found.candidates[0] if found.candidates else None
            numbers = dict(zip(time.labels, time.numbers, strict=True)) if time and time.kind == "labels" else {}
            import_file(path, name, ImportChoices(time_column=time.column if numbers and time else ""), numbers)
    except BadInput as error:
        sentence = str(error)
        assert name in sentence and "\n" not in sentence and len(sentence) < 700, sentence
        return 1
    return 0


def fuzz(folder: Path, files: dict[str, bytes], cases: int, seed: int) -> Counter[tuple[str, str]]:
    """Outcomes by kind of file."""
    rng = np.random.default_rng(seed)
    names = sorted(files)
    counted: Counter[tuple[str, str]] = Counter()
    for case in range(cases):
        name = names[case % len(names)]
        mutation = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        path = folder / f"case-{Path(name).name}"
        path.write_bytes(bytes(mutation(bytearray(files[name]), rng)))
        log = folder / "wrong.txt"
        what = outcome(path, Path(name).name, case, log)
        counted[name, what] += 1
        if what in ("wrong", "hang"):
            said = log.read_text() if what == "wrong" else f"no answer in {SECONDS} s"
            pytest.fail(f"case {case} ({mutation.__name__} of {name}, seed {seed}): {said}")
        assert not list(data_root().glob(".*")) and store.problems() == (), f"case {case} of {name} left a part"
    return counted


def report(counted: Counter[tuple[str, str]]) -> str:
    lines = [f"{name}: {what} {count}" for (name, what), count in sorted(counted.items())]
    total: Counter[str] = Counter()
    for (_, what), count in counted.items():
        total[what] += count
    return "\n".join([*lines, f"all {counted.total()}: " + ", ".join(f"{k} {v}" for k, v in total.most_common())])


def test_some_damaged_files(tmp_path) -> None:
    counted = fuzz(tmp_path, seeds(tmp_path), 65, seed=1)
    assert {"table", "refused"} <= {what for _, what in counted}


@pytest.mark.slow
def test_two_thousand_damaged_files(tmp_path, shared, capsys) -> None:
    files = seeds(tmp_path) | {each: (shared / each).read_bytes() for each in SHARED}
    counted = fuzz(tmp_path, files, 2210, seed=2)
    with capsys.disabled():
        print("\n" + report(counted))
    assert counted.total() >= 2000


def test_untouched_files_are_tables(tmp_path) -> None:
    for name, data in seeds(tmp_path).items():
        (tmp_path / "same").write_bytes(data)
        assert outcome(tmp_path / "same", name, 1, tmp_path / "wrong.txt") == "table", (
            tmp_path / "wrong.txt"
        ).read_text()
