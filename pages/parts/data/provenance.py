"""What was done to a data set, step by step, and how to undo it."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data import store
from cellflow_core.data.store import annotation_layers, cell_names
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import plain
from pages.parts.data import preprocessing_summary
from pages.parts.importing import quality
from pages.parts.widgets.background import sentence
from pages.parts.widgets.selectors import row_word


def show(info: store.DatasetInfo) -> None:
    """The steps with their numbers, the data sets before and after, and undoing."""
    earlier, after = store.ancestors(info), [each for each in store.datasets() if each.parent == info.id]
    title = f"What was done to these data ({len(info.steps)})" if info.steps else "What was done to these data"
    with st.expander(title, icon=":material/history:", key=f"history_{info.id}", expanded=bool(info.parent)):
        st.markdown(
            "\n".join(f"{k}. {plain(each)}" for k, each in enumerate(info.steps, 1))
            or "Nothing: the values are as in the file."
        )
        st.caption(
            f"Source: {plain(info.source)} · made {info.created[:16].replace('T', ' ')} UTC · {info.fingerprint}"
        )
        if row_word(info) == "cell":
            st.caption(_names(info))
        _undo(info, earlier)
        if len(earlier) > 1:
            st.caption("Made from, the newest first:")
            for each in earlier[1:]:
                _link(each, each.label)
        if after:
            st.caption("Made from this one:")
            for each in after:
                _link(each, each.label.removeprefix(f"{info.label} · "))
    if info.contents:
        quality.contents(info.contents, f"contents_{info.id}")
    preprocessing_summary.again(info, earlier[-1].id if earlier else info.id)


def _names(info: store.DatasetInfo) -> str:
    """What the cells are called in exports."""
    if cell_names.read(store.open_dataset(info.id)):
        return "Exports name the cells as the file does."
    again = " Where their file has names, importing it again keeps them." if info.origin == "upload" else ""
    return f"These cells have no names, so exports number them.{again}"


def _undo(info: store.DatasetInfo, earlier: list[store.DatasetInfo]) -> None:
    if annotation_layers.last_added(info):
        if st.button("Undo the last step", key="undo_step", icon=":material/undo:"):
            annotation_layers.remove_last(store.open_dataset(info.id))
            st.toast("The annotations of the last step were taken away. The data and their models stay as they are.")
            st.rerun()
        st.caption("Takes the annotations of the last step away. The data and their models stay as they are.")
    elif earlier:
        if st.button("Undo the last step", key="undo_step", icon=":material/undo:"):
            st.query_params["dataset"] = earlier[0].id
            st.toast(f"This is how it was before. Nothing is lost: “{plain(info.label)}” is still there.")
            st.rerun()
        st.caption("Goes back to the data set before this step. Nothing is lost: this one stays in the list.")
        _link(earlier[0], earlier[0].label)
    elif info.parent:
        st.caption("The data set before the last step was deleted: it may be in the trash below.")


def _link(info: store.DatasetInfo, name: str) -> None:
    """`name`: what tells it apart here; the whole name and the cells stand in the help, because links are cut short."""
    st.page_link(
        "data.py",
        label=plain(name),
        icon=":material/table_chart:",
        help=f"{plain(info.label)}, {counted(info.cells, row_word(info))}",
        query_params={"dataset": info.id},
    )


def trash() -> None:
    """Deleted data sets, each with a button to restore it; nothing where there are none."""
    found = store.trashed()
    if not found:
        return
    with st.expander(f"Trash ({len(found)})", icon=":material/delete:", key="trash"):
        for info in found:
            with st.container(horizontal=True, vertical_alignment="center", key=f"trash_{info.id}"):
                st.markdown(f"{plain(info.label)} · {counted(info.cells, row_word(info))} · made {info.created[:10]}")
                if st.button("Bring back", key=f"restore_{info.id}", icon=":material/restore_from_trash:"):
                    try:
                        store.restore(info.id)
                    except (KeyError, ValueError, OSError) as error:
                        st.error(sentence(error))
                        return
                    st.query_params.clear()
                    st.query_params["dataset"] = info.id
                    st.rerun()
