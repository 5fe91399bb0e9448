"""The latent time of a run stands for times: its cells in windows of it, for the page Time."""

from __future__ import annotations

from cellflow_core.runs.index import open_run

WINDOWS = 5


def use_latent_time(run_id: str, windows: int = WINDOWS) -> str:
    """Store the cells of a run in this many windows of the latent time that it gives them, and return the id.

    Raises KeyError where there is no such run, ValueError, with a sentence, where its model orders no cells.
    """
    from cellflow_core.analysis.regulation.latent_order import latent_time
    from cellflow_core.data.steps.derive import store_result
    from cellflow_core.data.steps.pseudotime import windows_of
    from cellflow_core.models.contract import HasLatentTime
    from cellflow_core.runs.weights import load_model

    run = open_run(run_id)
    model, dataset = load_model(run), run.dataset()
    if not isinstance(model, HasLatentTime):
        raise ValueError(
            f"{model.title} gives cells no latent time: choose a model that does, or order the cells by pseudotime"
        )
    data = dataset.snapshots()
    source = f"latent time of {model.title}, run {run.id}"
    made = windows_of(data, latent_time(model, data), windows, source, "latent time")
    return store_result(dataset, made, {"step": "pseudotime", "settings": {"source": source, "windows": windows}})
