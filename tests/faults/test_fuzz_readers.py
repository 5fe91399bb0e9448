"""Damaged files of every format: each becomes a data set or one sentence, and no data set is half written.

Every case goes the way of a user, from the look into the file to the stored data set, with the choices that the file
itself proposes. It runs in a forked process with a limit on its CPU time, as the app reads in a process of its
own (jobs/sandbox.py): a crash or a file without end is then counted here, and fails the test.
"""

from __future__ import annotations

import gzip
import os
import resource
import shutil
import signal
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.data.importing.import_defaults import default_choices, parse_choices
from cellflow_core.data.importing.pipeline import InvalidInputError, import_file, inspect_file
from cellflow_core.data.readers import hdf5_check
from cellflow_core.workspace import current
from tests import formats, r_files

SECONDS = 10  # of CPU time, which other work on the machine does not lengthen
WALL = 120  # by the clock
MEMORY = 6_000_000_000  # bytes of data that one case may hold
OUTCOMES = ("opened", "refused", "wrong")
SHARED = ("guo2010_preimplantation/guo2010_440x48.h5ad", "weinreb_larry_cospar/larry_test_781cells.h5ad")
SHARED += ("beeline_curated/mCAD_2000_0/ExpressionData.csv.gz", "pharmacokinetics/warfarin.csv")
Rng = np.random.Generator


def seeds(folder: Path) -> dict[str, bytes]:
    """Small files of every format, by name."""
    files = [formats.h5ad(folder / f"{route}.h5ad", route) for route in ("csr", "csc", "dense")]
    files += [formats.older_h5ad(folder / "older.h5ad"), formats.h5mu(folder / "a.h5mu")]
    files += [formats.tenx(folder / f"v{version}.h5", version) for version in (2, 3)]
    files += [formats.loom(folder / "a.loom"), formats.csv(folder / "a.csv"), formats.csv(folder / "b.csv.gz")]
    files += [formats.npz(folder / "a.npz"), formats.zipped(folder / "v3.zip", formats.folder(3))]
    files += [
        formats.zipped(folder / "v2.zip", formats.folder(2)),
        formats.tarred(folder / "v2.tar.gz", formats.folder(2)),
    ]
    files += [formats.tarred(folder / "v2.tar", formats.folder(2), "w")]
    files += [r_files.seurat_4(folder / f"{each.__name__}.rds", each, 10) for each in (gzip.compress, bytes)]
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


def outcome(path: Path, name: str, log: Path) -> tuple[str, float]:
    """What becomes of one file in a process of its own, and its CPU seconds."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            signal.alarm(WALL)
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            warnings.simplefilter("ignore")  # numbers out of damaged bytes overflow, and that is no fault
            code = attempt(path, name)
        except BaseException:  # noqa: BLE001 - the parent fails on it and shows it
            log.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    seconds = used.ru_utime + used.ru_stime
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        endless = number in (signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL)
        return "hang" if endless else f"crash {signal.Signals(number).name}", seconds
    return OUTCOMES[os.WEXITSTATUS(status)], seconds


def attempt(path: Path, name: str) -> int:
    """0 for a data set, 1 for one sentence; anything else is raised."""
    try:
        found = inspect_file(path, name)
        choices, numbers = parse_choices(default_choices(found))
        import_file(path, name, choices, numbers)
    except InvalidInputError as error:
        sentence = str(error)
        assert name in sentence and "\n" not in sentence and len(sentence) < 700, sentence
        return 1
    return 0


def check_disk(what: str) -> None:
    """One whole data set where the file was opened and nothing at all where it was not; then the disk is bare again."""
    left = sorted(current().data.iterdir())
    assert len(left) == (what == "opened") and store.damaged_datasets() == (), f"{what}, and left {left}"
    for each in left:
        stored = store.open_dataset(each.name)
        assert len(stored.snapshots().x) == stored.info.cells == len(stored.embedding("pca"))
        shutil.rmtree(each)


@dataclass
class Fuzzed:
    """Outcomes by kind of file, and the case with the most CPU time."""

    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    slowest: float = 0.0
    slowest_case: str = ""

    def __str__(self) -> str:
        total: Counter[str] = Counter()
        for (_, what), count in self.counted.items():
            total[what] += count
        lines = [f"{name}: {what} {count}" for (name, what), count in sorted(self.counted.items())]
        lines.append(f"all {self.counted.total()}: " + ", ".join(f"{k} {v}" for k, v in total.most_common()))
        return "\n".join([*lines, f"slowest: {self.slowest:.2f} s of CPU time, {self.slowest_case}"])


def fuzz(folder: Path, files: dict[str, bytes], cases: int, seed: int) -> Fuzzed:
    rng = np.random.default_rng(seed)
    names = sorted(files)
    found = Fuzzed()
    for case in range(cases):
        name = names[case % len(names)]
        mutation = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        path, log = folder / f"case-{Path(name).name}", folder / "wrong.txt"
        path.write_bytes(bytes(mutation(bytearray(files[name]), rng)))
        what, seconds = outcome(path, Path(name).name, log)
        found.counted[name, what] += 1
        printed = f"case {case} ({mutation.__name__} of {name}, seed {seed})"
        if seconds > found.slowest:
            found.slowest, found.slowest_case = seconds, f"{printed}: {what}"
        assert what in ("opened", "refused"), f"{printed}: {what} {log.read_text() if what == 'wrong' else ''}"
        check_disk(what)
    return found


def test_some_damaged_files(tmp_path) -> None:
    found = fuzz(tmp_path, seeds(tmp_path), 70, seed=1)
    assert {"opened", "refused"} == {what for _, what in found.counted}


@pytest.mark.slow
def test_two_thousand_damaged_files(tmp_path, shared, capsys) -> None:
    files = seeds(tmp_path) | {each: (shared / each).read_bytes() for each in SHARED}
    found = fuzz(tmp_path, files, 2340, seed=2)
    with capsys.disabled():
        print(f"\n{found}")
    assert found.counted.total() >= 2000


def test_untouched_files_are_opened(tmp_path) -> None:
    for name, data in seeds(tmp_path).items():
        (tmp_path / "same").write_bytes(data)
        what, _ = outcome(tmp_path / "same", name, tmp_path / "wrong.txt")
        assert what == "opened", (name, what)
        check_disk(what)


@pytest.mark.parametrize("field", [b"1,", b"1 ", b"x"])
def test_a_line_without_end_is_refused_in_time(tmp_path, field) -> None:
    """60 MB of text, as they are and in a few kB."""
    line = field * (60_000_000 // len(field))
    for name, content in (("a.csv", line), ("a.csv.gz", gzip.compress(line, 1))):
        (tmp_path / "same").write_bytes(content)
        what, _ = outcome(tmp_path / "same", name, tmp_path / "wrong.txt")
        assert what == "refused", name
        check_disk(what)


def endless(path: Path) -> None:
    """Never comes to an end."""
    while True:
        pass


def crash(path: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(("harm", "words"), [(endless, "finds no end in it"), (crash, "crashes on it")])
def test_a_file_that_harms_the_library_becomes_one_sentence(tmp_path, monkeypatch, harm, words) -> None:
    path = formats.h5ad(tmp_path / "a.h5ad")
    monkeypatch.setattr(hdf5_check, "SECONDS", 1)
    monkeypatch.setattr(hdf5_check, "_visit", lambda path, size, links: harm(path))
    with pytest.raises(InvalidInputError, match=words) as error:
        inspect_file(path, "a.h5ad")
    assert "a.h5ad is damaged inside" in str(error.value)
