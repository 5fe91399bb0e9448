"""Snapshots refuse what cannot be trained on, hold out a time whole, and are known by their content."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataRequirement, DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.train_validation_split import halves, validation_split


def made(cells=30, dim=3, times=(0.0, 1.5, 4.0)):
    rng = np.random.default_rng(0)
    t = np.repeat(times, cells // len(times))
    x = rng.normal(size=(len(t), dim)) + t[:, None]
    space = AffineSpace.coordinates(tuple(f"x{k}" for k in range(dim)))
    return Snapshots(x, t, space, "day", labels={"kind": np.where(x[:, 0] > 1, "late", "early")})


def test_wrong_arrays_are_refused_with_what_was_found():
    data = made()
    with pytest.raises(ValueError, match=r"30 cells.*\(29,\)"):
        Snapshots(data.x, data.t[:-1], data.space)
    with pytest.raises(ValueError, match="3 coordinates"):
        Snapshots(data.x, data.t, AffineSpace.coordinates(("a", "b")))
    bad = data.x.copy()
    bad[3, 1], bad[7, 0] = np.nan, np.inf
    with pytest.raises(ValueError, match="2 of 30 cells"):
        replace(data, x=bad)
    with pytest.raises(KeyError, match="time 2.*0, 1.5, 4"):
        data.at(2.0)


def test_a_time_is_held_out_whole():
    data = made()
    kept = data.without(1.5)
    assert kept.times.tolist() == [0.0, 4.0]
    assert len(kept.x) == 20
    assert all(len(values) == 20 for values in kept.labels.values())
    assert DataRequirement.TIMES not in kept.without(4.0).has


def test_the_fingerprint_follows_the_content():
    data = made()
    assert data.fingerprint == made().fingerprint
    changed = data.x.copy()
    changed[17, 2] += 1e-3
    others = [
        replace(data, x=changed),
        replace(data, t=data.t + 1),
        replace(data, time_unit="hour"),
        replace(data, labels={"kind": data.labels["kind"][::-1]}),
        replace(data, space=AffineSpace.coordinates(("x0", "x1", "y2"))),
    ]
    assert len({data.fingerprint, *(each.fingerprint for each in others)}) == 6


def test_a_spec_reads_back_from_json():
    spec = made().spec
    assert DataSpec.from_dict(json.loads(json.dumps(asdict(spec)))) == spec
    assert spec.interval == 2.0


def test_validation_takes_the_same_share_of_every_time():
    train, held = validation_split(made(), 0.2, seed=1)
    assert held is not None
    assert [int((held.t == time).sum()) for time in held.times] == [2, 2, 2]
    rows = {row.tobytes() for row in train.x} & {row.tobytes() for row in held.x}
    assert not rows
    assert validation_split(made(), 0.05, seed=1)[1] is None


def test_halves_share_no_cell():
    one, other = halves(made(), 1.5, seed=0)
    assert len(one) == len(other) == 5
    assert not {row.tobytes() for row in one} & {row.tobytes() for row in other}


def test_pca_space_maps_both_ways():
    rng = np.random.default_rng(1)
    genes = rng.normal(size=(40, 6))
    mean = genes.mean(axis=0)
    loadings = np.linalg.svd(genes - mean, full_matrices=False)[2]
    whole = AffineSpace("pca", tuple("abcdef"), tuple("ABCDEF"), mean, loadings)
    np.testing.assert_allclose(whole.decode(whole.encode(genes)), genes, atol=1e-12)
    part = AffineSpace("pca", tuple("abc"), tuple("ABCDEF"), mean, loadings[:3])
    x = rng.normal(size=(5, 3))
    np.testing.assert_allclose(part.encode(part.decode(x)), x, atol=1e-12)
    weight, offset = part.gene("D")
    np.testing.assert_allclose(x @ weight + offset, part.decode(x)[:, 3])
    with pytest.raises(KeyError, match="'Z'.*6 genes"):
        part.gene("Z")
    with pytest.raises(KeyError, match="without genes"):
        AffineSpace.coordinates(("a",)).gene("A")
    with pytest.raises(ValueError, match=r"\(3, 6\)"):
        AffineSpace("pca", tuple("abc"), tuple("ABCDEF"), mean, loadings)


def test_cells_of_one_time_are_not_copied():
    x = np.arange(14, dtype=np.float32).reshape(7, 2)
    for t in (None, np.ones(7)):
        data = Snapshots(x, t, AffineSpace.coordinates(("a", "b")), growth=np.arange(7, dtype=np.float32))
        frames = SnapshotTensors.from_snapshots(data)
        assert len(frames.x) == 1 and np.shares_memory(frames.x[0].numpy(), data.x)
        assert np.shares_memory(frames.cell_data["growth"][0].numpy(), data.growth)


def test_the_scale_is_that_of_all_axes_together():
    x = np.random.default_rng(0).normal(3, 2, (50, 450)).astype(np.float32)
    data = Snapshots(x, None, AffineSpace.coordinates(tuple(map(str, range(450)))))
    assert data.spec.scale == float(np.sqrt(x.var(axis=0, dtype=np.float64).mean()))


def test_frames_know_what_is_known_of_each_cell():
    t = np.repeat([1.0, 2.0], [3, 4])
    data = Snapshots(
        np.arange(14).reshape(7, 2),
        t,
        AffineSpace.coordinates(("a", "b")),
        growth=np.arange(7.0),
        lineage=np.arange(7),
        mass=np.array([3.0, 6.0]),
        labels={"type": np.array(["T", "B", "B", "T", "T", "NK", "B"]), "name": np.arange(7).astype(str)},
    )
    assert data.spec.labels[0] == ("type", ("B", "NK", "T"))
    assert DataSpec.from_dict(json.loads(json.dumps(asdict(data.spec)))) == data.spec
    early = SnapshotTensors.from_snapshots(data.take(t == 1.0), spec=data.spec)
    assert early.cell_data["label type"][0].tolist() == [2, 0, 0]
    frames = SnapshotTensors.from_snapshots(data)
    assert frames.mass is not None and frames.mass.tolist() == [1.0, 2.0]
    assert frames.cell_data["label type"][1].tolist() == [2, 2, 1, 0] and frames.cell_data["growth"][1].tolist() == [
        3,
        4,
        5,
        6,
    ]
    batch = frames.batch(5, torch.Generator().manual_seed(0))
    assert torch.equal(batch.cell_data("growth") * 2, batch.x[..., 0])
    assert torch.equal(batch.cell_data("lineage").float(), batch.cell_data("growth"))
    with pytest.raises(KeyError, match=r"dose.*lineage, label type, label name, growth"):
        batch.cell_data("dose")
