"""A figure as a web page of its own."""

from __future__ import annotations

import html

import plotly.graph_objects as go

from cellflow_core.figures import theme


def write_html(figure: go.Figure, dark: bool, title: str) -> str:
    """The figure as one file with a title that opens without a network and never offers to upload the data."""
    colour = theme.page_color(dark)
    page = go.Figure(figure).update_layout(paper_bgcolor=colour)
    body = page.to_html(
        config=theme.CONFIG, include_plotlyjs=True, include_mathjax=False, auto_play=False, full_html=False
    )
    head = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title></head>'
    return f'{head}<body style="background:{colour}">{body}</body></html>'
