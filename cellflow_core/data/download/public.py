"""Public data sets that can be fetched from where their authors keep them. None is shipped with this project.

Sizes and checksums are those that public projects recorded for the same addresses; "" and 0 where none was found.
A licence is given only where its text was seen; that of a repository covers its code and often not the data.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cellflow_core.atomic_write import replacing
from cellflow_core.data.download import downloads
from cellflow_core.data.importing import uploads

UNSTATED = "not stated"
_MENDELEY = "https://data.mendeley.com/public-files/datasets/hhny5ff7yj/files"
_RDATASETS = "https://raw.githubusercontent.com/vincentarelbundock/Rdatasets/e38552ac3cb40a532941b09d7332b03d19409919"
_PUMAS = (
    "https://raw.githubusercontent.com/PumasAI-Labs/Pumas-NLME-Handson-2025/d0f274bad755bad8f3bb53f3b3001f2215e468ed"
)
_SCVELO = "https://github.com/theislab/scvelo_notebooks/raw/master/data"


@dataclass(frozen=True)
class PublicData:
    """One file of a public data set.

    cells     how many of what, in words
    home      page that tells about it
    size      bytes, 0 where not known; sha256 "" where not known
    time      column that holds the time of each cell, "" for a snapshot
    good_for  what can be learnt from it here
    """

    name: str
    title: str
    organism: str
    cells: str
    paper: str
    licence: str
    home: str
    url: str
    file: str
    size: int
    sha256: str
    time: str
    good_for: str


CATALOGUE = (
    PublicData(
        name="eb",
        title="Embryoid bodies, 27 days, principal components",
        organism="human",
        cells="16,819 cells, 100 principal components, RNA velocity, 5 times",
        paper="Moon et al., Nat Biotechnol 2019; components of Tong et al., ICML 2020 (TrajectoryNet)",
        licence="MIT (its repository); of the data: not stated",
        home="https://github.com/KrishnaswamyLab/TrajectoryNet",
        url="https://github.com/KrishnaswamyLab/TrajectoryNet/raw/master/data/eb_velocity_v5.npz",
        file="eb_velocity_v5.npz",
        size=0,
        sha256="17623d16dd4fe7b679aad80916d130cb2863a4cd4ee742f139a3c2eed91ba230",
        time="sample_labels",
        good_for="The benchmark of flow matching papers: predict a time that was left out. No genes.",
    ),
    PublicData(
        name="eb-genes",
        title="Embryoid bodies, 27 days, with genes",
        organism="human",
        cells="18,203 cells, 17,789 genes, 5 times",
        paper="Moon et al., Nat Biotechnol 2019; prepared for Tong et al., TMLR 2024 (arXiv:2302.00482)",
        licence=UNSTATED,
        home="https://data.mendeley.com/datasets/hhny5ff7yj/1",
        url=f"{_MENDELEY}/d82698f4-d143-442f-9a41-10be8ad02584/file_downloaded",
        file="ebdata_v3.h5ad",
        size=79_357_183,
        sha256="0233307058f579636e298a842a17c2e0fb58c128f5bb7cf6f2563775fbc6124c",
        time="sample_labels",
        good_for="Gene trends and knock-outs over real time. Its components differ from those of the benchmark.",
    ),
    PublicData(
        name="cite",
        title="Blood stem cells, CITE-seq, one donor",
        organism="human",
        cells="31,240 cells, 22,050 genes, days 2, 3, 4 and 7",
        paper="NeurIPS 2022 competition Open Problems; prepared for Tong et al., TMLR 2024 (arXiv:2302.00482)",
        licence=UNSTATED,
        home="https://data.mendeley.com/datasets/hhny5ff7yj/1",
        url=f"{_MENDELEY}/1862acf5-6294-4eb1-8644-d1c6d25e4126/file_downloaded",
        file="op_cite_inputs_0.h5ad",
        size=1_245_730_696,
        sha256="fa1d117df3d6c23e0b80a997a259bcac3a79ad27d581e1a6654e107c39885e4c",
        time="day",
        good_for="The second benchmark of flow matching papers, with unequal steps of time.",
    ),
    PublicData(
        name="multi",
        title="Blood stem cells, Multiome, one donor",
        organism="human",
        cells="gene expression of one donor over several days",
        paper="NeurIPS 2022 competition Open Problems; prepared for Tong et al., TMLR 2024 (arXiv:2302.00482)",
        licence=UNSTATED,
        home="https://data.mendeley.com/datasets/hhny5ff7yj/1",
        url=f"{_MENDELEY}/5f4b6e5b-f122-4f5a-8ede-0d188c5cf00c/file_downloaded",
        file="op_train_multi_targets_0.h5ad",
        size=1_059_236_146,
        sha256="a16c28ef861503111bb2f4c6ab6b1d5ed3df07d49eb0baa7378515fc098af4d2",
        time="day",
        good_for="The third benchmark of flow matching papers.",
    ),
    PublicData(
        name="pancreas",
        title="Endocrine pancreas at embryonic day 15.5",
        organism="mouse",
        cells="3,696 cells, 27,998 genes, spliced and unspliced, one time",
        paper="Bastidas-Ponce et al., Development 2019; as in scVelo, Bergen et al., Nat Biotechnol 2020",
        licence=UNSTATED,
        home="https://github.com/theislab/scvelo_notebooks",
        url=f"{_SCVELO}/Pancreas/endocrinogenesis_day15.h5ad",
        file="endocrinogenesis_day15.h5ad",
        size=51_000_000,
        sha256="",
        time="",
        good_for="A snapshot: pseudotime and RNA velocity, from ductal cells to four hormone-making fates.",
    ),
    PublicData(
        name="dentate-gyrus",
        title="Dentate gyrus, two ages",
        organism="mouse",
        cells="2,930 cells, 13,913 genes, spliced and unspliced, two ages",
        paper="Hochgerner et al., Nat Neurosci 2018; as in scVelo, Bergen et al., Nat Biotechnol 2020",
        licence=UNSTATED,
        home="https://github.com/theislab/scvelo_notebooks",
        url=f"{_SCVELO}/DentateGyrus/10X43_1.h5ad",
        file="10X43_1.h5ad",
        size=0,
        sha256="",
        time="age(days)",
        good_for="RNA velocity with several branches; two ages of the animal are not two steps of one process.",
    ),
    PublicData(
        name="paul15",
        title="Myeloid progenitors",
        organism="mouse",
        cells="2,730 cells, 3,451 genes, one time",
        paper="Paul et al., Cell 2015",
        licence=UNSTATED,
        home="https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE72857",
        url="https://falexwolf.de/data/paul15.h5",
        file="paul15.h5ad",
        size=10_297_693,
        sha256="6161984f758dd464992edc23f1a8ab89b2081600130c6aa93a1ab12b3ada5bfb",
        time="",
        good_for="Pseudotime of two branches; losing Gata1 blocks the erythroid one, a knock-out with a known answer.",
    ),
    PublicData(
        name="larry",
        title="Blood with lineage barcodes (LARRY)",
        organism="mouse",
        cells="about 50,000 cells that carry a clone, days 2, 4 and 6",
        paper="Weinreb et al., Science 2020; as in CoSpar, Wang et al., Nat Biotechnol 2022",
        licence=UNSTATED,
        home="https://github.com/AllonKleinLab/paper-data",
        url="https://kleintools.hms.harvard.edu/tools/downloads/cospar/LARRY_adata_preprocessed.h5ad",
        file="LARRY_adata_preprocessed.h5ad",
        size=186_750_814,
        sha256="16607046cd2550dbcdb33c24c58e5b8852c5558f7b52a437e0ae20b0137ef881",
        time="time_info",
        good_for="Barcodes tell which early cell became which late one: the truth for fates.",
    ),
    PublicData(
        name="theophylline",
        title="Theophylline, swallowed once",
        organism="human",
        cells="132 concentrations (mg/L) of 12 people in 25 hours, one dose each (mg/kg)",
        paper="Upton, in Boeckmann, Sheiner and Beal, NONMEM Users Guide, Part V, 1994; the data set Theoph of R",
        licence="of R, whose data set it is: GPL-2 or GPL-3; of the data: not stated",
        home="https://vincentarelbundock.github.io/Rdatasets/doc/datasets/Theoph.html",
        url=f"{_RDATASETS}/csv/datasets/Theoph.csv",
        file="theophylline.csv",
        size=3_679,
        sha256="330662e4c3b4863203f30506cc12b675e13da83a8d8773c6d0b472b0cc46b25e",
        time="time",
        good_for="Twelve people after one dose: the first table of every course in pharmacokinetics.",
    ),
    PublicData(
        name="warfarin",
        title="Warfarin, swallowed once: concentration and effect",
        organism="human",
        cells="464 values of 31 people in 144 hours: concentration (DVID 1, mg/L), prothrombin activity (DVID 2, %)",
        paper="O'Reilly and Aggeler, Circulation 1968; O'Reilly, Aggeler and Leong, J Clin Invest 1963",
        licence="MIT (its repository); of the data: not stated",
        home="https://github.com/PumasAI-Labs/Pumas-NLME-Handson-2025",
        url=f"{_PUMAS}/data/warfarin.csv",
        file="warfarin.csv",
        size=11_079,
        sha256="96f63ab4b57cbc0d282def5ecad53302a8ce0333dcc8ff8879887ecd11386a71",
        time="time",
        good_for="A drug and what it does later: irregular times, and an effect that lags behind the concentration.",
    ),
)


def find(name: str) -> PublicData:
    """The entry of this name. Raises KeyError that lists those there are."""
    for each in CATALOGUE:
        if each.name == name:
            return each
    raise KeyError(f"there is no public data set {name!r}; there is {', '.join(each.name for each in CATALOGUE)}")


def expect(name: str) -> str:
    """An id under which `download` puts the data set."""
    each = find(name)
    return downloads.register_download(each.url, each.sha256, each.file, each.time)


def download(id: str, on_progress: Callable[[str], None] = lambda stage: None) -> str:
    """Fetch what is expected under the id, of the catalogue or not; rewrite it where its format is its authors' own."""
    source = uploads.opened(downloads.download(id, on_progress))
    if source.origin == find("paul15").url:
        on_progress("reading the authors' own format")
        _paul15(source.path)
    return id


def get(name: str, on_progress: Callable[[str], None] = lambda stage: None) -> str:
    """Fetch a data set of the catalogue, going on where an earlier try was cut, and return the id of its file."""
    return download(downloads.unfinished(find(name).url) or expect(name), on_progress)


def _paul15(path: Path) -> None:
    """Paul et al. sent out an HDF5 file of their own layout, which scanpy knows: rewrite it as AnnData."""
    import h5py
    import scanpy

    with h5py.File(path, "r") as file:
        if "data.debatched" not in file:  # it was rewritten already
            return
    folder = path.parent / "scanpy"
    (folder / "paul15").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / "paul15" / "paul15.h5")
    scanpy.settings.datasetdir = folder
    with replacing(path) as rewritten:
        scanpy.datasets.paul15().write_h5ad(rewritten)
    shutil.rmtree(folder)
