"""Sources of data: a demo, a simulation, a file of one's own, a path or an address, a public data set."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.data import store
from cellflow_core.data.download import downloads, public
from cellflow_core.data.importing import demos, uploads
from cellflow_core.data.readers.limits import amount
from cellflow_core.jobs import analysis_pool
from cellflow_core.progress import Stages
from cellflow_core.reporting.formatting import plain
from cellflow_core.workspace import current, limits
from pages.parts.data import downloading, simulate_form
from pages.parts.widgets.background import result_of, sentence, shared

FIRST = "Open a demo"
UPLOAD = "Upload"
LIMIT_MB = int(st.get_option("server.maxUploadSize"))
FORMATS = """
| file | what it is |
|---|---|
| `.h5ad` | AnnData, of any version |
| `.h5mu` | MuData: genes with chromatin or proteins of the same cells |
| `.h5` | 10x Genomics, filtered matrix, also with antibodies or peaks |
| `.rds`, `.rda` | of R: Seurat 3 to 5, SingleCellExperiment, a matrix or a data frame |
| `.loom` | loom, with spliced and unspliced layers where it has them |
| `.zip` of a `.zarr` folder | AnnData, of any version |
| `.zip`, `.tar.gz` | the 10x folder of `matrix.mtx`, `barcodes.tsv` and `features.tsv`, packed |
| `.csv`, `.tsv`, `.txt`, also `.gz` | a table of genes or coordinates |
| `.npz` | arrays `pcs` and `sample_labels`, as in the embryoid body benchmark |
"""


def show() -> None:
    """One source at a time; the choice is kept in the link."""
    sources = {
        FIRST: _demos,
        "Simulate": simulate_form.show,
        UPLOAD: _upload,
        "Path or URL": _address,
        "Public data": _public,
    }
    linked = st.query_params.get("from", FIRST)
    source = st.segmented_control(
        "Data source",
        list(sources),
        default=linked if linked in sources else FIRST,
        required=True,
        key="from",
        on_change=_note_source,
        label_visibility="collapsed",
        wrap=True,
    )
    sources[source or FIRST]()


def _note_source() -> None:
    # Not bound to the link by Streamlit: it would forbid this page to clear the link when it goes on to a data set.
    # Going back to the first one by itself, as after an import, is no choice and leaves the link alone.
    if st.session_state["from"] != FIRST or "from" in st.query_params:
        st.query_params["from"] = st.session_state["from"]


def make_demo(name: str, label: str) -> str:
    """Make a demo in the worker, with its stages, and return the id of its data set."""
    stages = Stages(current().uploads / f"demo-{name}.txt")
    path = "cellflow_core.data.importing.demos:make"
    future = shared(f"demo-{name}", lambda: analysis_pool.call(path, name, on_progress=stages))
    made = result_of(future, f"Making “{plain(label)}”", stages)
    stages.clear()
    return made


def _demos() -> None:
    there = {each.id for each in store.datasets()}
    for place, demo in zip(_places(len(demos.DEMOS)), demos.DEMOS, strict=True):
        with place, st.container(border=True, key=f"demo_{demo.name}"):
            st.markdown(f"**{demo.label}**")
            st.caption(demo.summary)
            ready = f"demo-{demo.name}" in there
            if st.button("Show" if ready else "Open", key=f"open_demo_{demo.name}", icon=":material/play_arrow:"):
                made = make_demo(demo.name, demo.label)
                st.query_params.clear()
                st.query_params["dataset"] = made
                st.rerun()


def _places(count: int) -> list[Any]:
    """Two side by side, row after row, so that a narrow screen keeps the order."""
    return [column for _ in range(-(-count // 2)) for column in st.columns(2)][:count]


def _upload() -> None:
    st.markdown(
        "**h5ad**, **h5mu**, 10x **h5**, **loom**, **rds** of R, a packed 10x folder, a table (**csv**, **tsv**) or "
        f"**npz**, at most **{LIMIT_MB} MB**; a larger file comes in by its path or address. The file stays on the "
        "machine that runs this app. A column that says when each cell was measured makes it a time course; without "
        "one, the cells come in as one snapshot."
    )
    count = st.session_state.setdefault("uploads", 0)
    with st.container(key="upload"):
        file = st.file_uploader(
            "Choose a file", type=list(uploads.KINDS), key=f"upload_{count}", max_upload_size=LIMIT_MB
        )
    with st.expander("Which files can be read; what is in them decides, not their name", icon=":material/description:"):
        st.markdown(FORMATS)
    if file is None:
        return
    with st.spinner(f"Writing {plain(file.name)} to disk"):
        upload = uploads.save_upload(file, file.name)
    # Another key lets the widget forget the file: Streamlit would hold it in memory as long as the widget does.
    st.session_state["uploads"] = count + 1
    downloading.begin(upload)


def _address() -> None:
    offered = limits().paths
    here = f", or a path in {', '.join(f'`{each}`' for each in offered)}" if offered else ""
    st.markdown(
        f"The address of a file on the internet{here}. It is fetched by the machine that runs this app, "
        f"at most {limits().download / 1e9:,.0f} GB, and goes on where it was cut."
    )
    if not offered:
        st.caption(
            "Files that lie on that machine can be opened here too, once whoever runs the app names their folders: "
            "start it with `CELLFLOW_PATHS=/data`. On your own machine, `python -m cellflow_core data import FILE` "
            "reads any file."
        )
    with st.form("address", border=False):
        given = st.text_input(
            "Path or URL" if offered else "URL", key="address_given", placeholder="https://…/cells.h5ad"
        ).strip()
        checksum = st.text_input(
            "sha256 (optional)", key="address_sha256", help="What the file must have; another one is thrown away."
        ).strip()
        sent = st.form_submit_button("Open", type="primary", icon=":material/download:")
    if not sent or not given:
        return
    try:
        web = "://" in given
        id = downloads.register_download(given, _checksum(checksum)) if web else uploads.link_offered(given)
    except ValueError as error:
        st.error(sentence(error), icon=":material/error:")
        return
    downloading.begin(id)


def _checksum(text: str) -> str:
    if text and (len(text) != 64 or not set(text.lower()) <= set("0123456789abcdef")):
        raise ValueError("a sha256 has 64 letters out of 0-9 and a-f: copy it whole, or leave it empty")
    return text


def _public() -> None:
    st.markdown(
        "Published data, fetched from where their authors keep them when you ask for it. Nothing of them is part of "
        "this app: read the licence on their page before you pass them on."
    )
    for place, each in zip(_places(len(public.CATALOGUE)), public.CATALOGUE, strict=True):
        with place, st.container(border=True, key=f"public_{each.name}"):
            _card(each)


def _card(each: public.PublicData) -> None:
    size = amount(each.size) if each.size else "size not stated"
    st.markdown(f"**[{plain(each.title)}]({each.home})** :gray[{each.organism}]")
    st.markdown(plain(each.good_for))
    time = f"time in “{each.time}”" if each.time else "no times: a snapshot"
    st.caption(f"{each.cells[:1].upper()}{each.cells[1:]}; {time}.  \n{plain(each.paper)}.  \nLicence: {each.licence}.")
    if st.button(f"Fetch, {size}", key=f"fetch_{each.name}", icon=":material/cloud_download:"):
        try:
            id = public.expect(each.name)
        except ValueError as error:
            st.error(sentence(error), icon=":material/error:")
            return
        downloading.begin(id)
