"""What is this server doing, and for whom?"""

from datetime import UTC, datetime

import streamlit as st

from cellflow_core.jobs.people import administration
from cellflow_core.reporting.formatting import plain
from pages.parts.widgets.background import sentence

st.title("Server")
st.markdown("What runs here and who uses how much of it. What is in data sets and runs, only their owners see.")
machine = administration.machine()
with st.container(horizontal=True, key="machine"):
    st.metric("Disk free", f"{machine.free / 1e9:,.0f} GB", help=f"of {machine.total / 1e9:,.0f} GB", border=True)
    st.metric("GPUs", len(machine.gpus), border=True)
    st.metric("Runs at a time on the CPU", machine.slots, border=True)
    st.metric("Engine", machine.engine, border=True)

st.header("Open runs")
running = administration.running()
if not running:
    st.caption("No run waits or trains.")
for run in running:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"open_{run.id}"):
        whose = plain(run.owner) or "nobody"
        device = f" on {plain(run.device)}" if run.device else ""
        st.markdown(f"**{plain(run.model)}** {run.state}{device} :gray[· of {whose} · {run.started[:16]} · `{run.id}`]")
        if st.button("Cancel", key=f"stop_{run.id}", icon=":material/stop_circle:"):
            try:
                administration.cancel(run.id)
            except (KeyError, ValueError) as error:
                st.error(sentence(error))
            else:
                st.rerun()

st.header("People")
st.dataframe(
    [
        {
            "Person": each.name or "nobody",
            "Disk (MB)": round(each.bytes / 1e6, 2),
            "Open runs": each.open_runs,
            "Last sign-in": datetime.fromtimestamp(each.seen, UTC) if each.seen else None,
            "Id": each.id,
        }
        for each in administration.usage()
    ],
    hide_index=True,
    key="people",
    placeholder="–",
)
st.header("Last actions")
names = {each.id: each.name for each in administration.usage()}
actions = administration.actions()
if actions:
    st.dataframe(
        [
            {
                "At (UTC)": each["at"][:19].replace("T", " "),
                "Person": names.get(each["who"], each["who"]),
                "Did": each["what"],
                "What": each["on"],
            }
            for each in actions
        ],
        hide_index=True,
        key="actions",
    )
else:
    st.caption("Nobody has done anything yet.")
st.caption("All of them are kept as lines of JSON in the folder `audit` of the workspace.")
