"""Small files of every format, made where they are needed."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
from anndata.io import write_elem
from scipy.io import mmwrite
from scipy.sparse import csc_matrix, csr_matrix

CELLS, GENES = 40, 12


def counts(cells: int = CELLS, genes: int = GENES) -> csr_matrix:
    return csr_matrix(np.random.default_rng(3).poisson(0.8, size=(cells, genes)).astype(np.float32))


def genes(count: int = GENES) -> list[str]:
    return [f"Gene{k}a" for k in range(count)]


def cells(count: int = CELLS) -> list[str]:
    return [f"AAACCTGAGAAACC{k:02d}-1" for k in range(count)]


def annotated(count: int = CELLS) -> anndata.AnnData:
    obs = pd.DataFrame({"day": np.resize([0.0, 2.0], count), "type": pd.Categorical(np.resize(["a", "b"], count))})
    obs.index = pd.Index(cells(count))
    held = anndata.AnnData(counts(count), obs=obs, var=pd.DataFrame(index=pd.Index(genes())))
    held.layers["spliced"] = counts(count) * 2
    held.layers["Unspliced"] = counts(count).toarray()
    held.layers["scaled"] = counts(count)
    held.obsm["X_pca"] = np.random.default_rng(0).normal(size=(count, 3))
    held.obsm["velocity_pca"] = np.random.default_rng(1).normal(size=(count, 3))
    held.obsm["X_clone"] = csr_matrix(np.eye(count, 5))
    return held


def h5ad(path: Path, route: str = "csr") -> Path:
    held = annotated()
    held.X = {"csr": counts(), "csc": csc_matrix(counts()), "dense": counts().toarray()}[route]
    held.write_h5ad(path, compression="gzip")
    return path


def older_h5ad(path: Path) -> Path:
    """As anndata before 0.7 wrote: records for obs and var, sparse matrices with attributes of their own."""
    with h5py.File(path, "w") as file:
        for key, x in (("X", counts()), ("layers/spliced", counts() * 2)):
            group = file.create_group(key)
            group.attrs.update({"h5sparse_format": b"csr", "h5sparse_shape": np.array(x.shape)})
            for part in ("data", "indices", "indptr"):
                group[part] = getattr(x, part)
        day = np.resize([0, 2], CELLS)
        file["obs"] = np.array(list(zip(cells(), day, strict=True)), dtype=[("index", "S20"), ("day", "i8")])
        file["var"] = np.array([(each,) for each in genes()], dtype=[("index", "S20")])
    return path


def tenx(path: Path, version: int = 3) -> Path:
    """As Cell Ranger writes: by cells, [genes, cells]; version 3 knows other kinds of features."""
    x = counts()
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix" if version == 3 else "mm10")
        for key in ("data", "indices", "indptr"):
            group[key] = getattr(x, key).astype(np.int64)
        group["shape"] = np.array([GENES, CELLS])
        group["barcodes"] = np.array(cells(), dtype="S")
        if version == 3:
            features = group.create_group("features")
            features["id"] = np.array([f"ENSMUSG{k:04d}" for k in range(GENES)], dtype="S")
            features["name"] = np.array(genes(), dtype="S")
            features["feature_type"] = np.array(["Gene Expression"] * (GENES - 2) + ["Antibody Capture"] * 2, dtype="S")
            features["genome"] = np.array(["mm10"] * GENES, dtype="S")
        else:
            group["genes"] = np.array([f"ENSMUSG{k:04d}" for k in range(GENES)], dtype="S")
            group["gene_names"] = np.array(genes(), dtype="S")
    return path


def h5mu(path: Path) -> Path:
    """As mudata writes: an AnnData a modality, whose cells differ in number and order, after 512 bytes of its own."""
    chromatin = anndata.AnnData(counts(CELLS - 4, 1200)[::-1], obs=pd.DataFrame(index=pd.Index(cells()[:3:-1])))
    chromatin.obsm["X_lsi"] = np.arange(2.0 * (CELLS - 4)).reshape(-1, 2)
    chromatin.obsm["motifs"] = pd.DataFrame({"GATA": np.arange(CELLS - 4)}, index=chromatin.obs_names)
    donors = pd.DataFrame({"donor": np.resize(["a", "b"], CELLS), "rna:day": 0.0}, index=pd.Index(cells()))
    with h5py.File(path, "w", userblock_size=512) as file:
        write_elem(file, "obs", donors)
        write_elem(file, "var", pd.DataFrame(index=pd.Index([*genes(), *chromatin.var_names])))
        write_elem(file, "mod/atac", chromatin)
        write_elem(file, "mod/rna", annotated())
    with path.open("r+b") as file:
        file.write(b"MuData (format-version=0.1.0;creator=mudata;creator-version=0.3.0)")
    return path


def loom(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        x = counts().toarray().T
        file.create_dataset("matrix", data=x, compression="gzip", chunks=(4, 8))
        file["row_attrs/Gene"] = np.array(genes(), dtype=h5py.string_dtype())
        file["col_attrs/CellID"] = np.array(cells(), dtype=h5py.string_dtype())
        file["col_attrs/day"] = np.resize([0.0, 2.0], CELLS)
        file["col_attrs/Clusters"] = np.resize(np.array(["a", "b"], dtype="S"), CELLS)
        file["layers/spliced"] = x
        file["layers/unspliced"] = x * 2
        file["layers/ambiguous"] = x * 0
        file.attrs["LOOM_SPEC_VERSION"] = "3.0.0"
    return path


def folder(version: int = 3) -> dict[str, bytes]:
    """Names and bytes of a 10x folder."""
    matrix = io.BytesIO()
    mmwrite(matrix, counts().T.astype(int), field="integer")
    features = [f"ENSMUSG{k:04d}\t{name}\tGene Expression" for k, name in enumerate(genes())]
    texts = {"matrix.mtx": matrix.getvalue(), "barcodes.tsv": "\n".join(cells()).encode()}
    if version == 3:
        texts["features.tsv"] = "\n".join(features).encode()
        return {f"{name}.gz": gzip.compress(text) for name, text in texts.items()}
    texts["genes.tsv"] = "\n".join(each.rsplit("\t", 1)[0] for each in features).encode()
    return texts


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def tarred(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return path


def csv(path: Path) -> Path:
    lines = [",".join(["samples", "x1", "x2", "type"])]
    lines += [",".join(map(str, [k % 3, k / 7, -k * k, "ab"[k % 2]])) for k in range(CELLS)]
    data = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def npz(path: Path) -> Path:
    rng = np.random.default_rng(0)
    pcs = rng.normal(size=(CELLS, 5))
    np.savez(path, pcs=pcs, delta_embedding=pcs / 2, sample_labels=np.resize([0, 1], CELLS))
    return path
