"""Parts of a page in HTML, complete in one file: words, tables, figures. All text of users is escaped."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterable, Mapping, Sequence

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from cellflow_core.csv_output import write_table
from cellflow_core.figures import theme
from cellflow_core.reporting.result_tables import Rows, first_rows
from cellflow_core.reporting.summaries import Summary
from cellflow_core.reporting.views.view import View

ROWS_SHOWN = 12
MOST_BYTES = 3_000_000
"""Of a table as CSV: a larger one is not embedded."""
_TRUST = {"good": "can be trusted", "fair": "with care", "poor": "not to be trusted"}
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 "Source Sans 3", "Source Sans", "Segoe UI", system-ui, sans-serif; color: #17242D;
  background: #FFF; max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.8rem; margin: 0 0 .25rem; } h2 { margin: 2.5rem 0 .25rem; border-top: 1px solid #E3EAED;
  padding-top: 1.25rem; } h3 { margin: .5rem 0; font-size: 1.1rem; }
p { margin: .4rem 0; } .muted, figcaption { color: #566470; font-size: .92rem; }
figure { margin: 1rem 0; } .trust { border-left: 4px solid #566470; padding: .3rem .8rem; background: #F4F7F8; }
.good { border-color: #1B7837; } .poor { border-color: #D55E00; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; } th, td { text-align: left;
  padding: .25rem .7rem .25rem 0; border-bottom: 1px solid #E3EAED; vertical-align: top; }
details { margin: .5rem 0; } summary { cursor: pointer; color: #0072B2; }
pre { overflow-x: auto; background: #F4F7F8; padding: .8rem; font-size: .85rem; }
@media print { details { display: none; } h2 { break-before: page; } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole file, with the plotting library in it once."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        f"<script>{get_plotlyjs()}</script></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def heading(text: str, level: int = 2) -> str:
    return f"<h{level}>{html.escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{html.escape(text)}</p>' if kind else f"<p>{html.escape(text)}</p>"


def folded(title: str, inside: str) -> str:
    return f"<details><summary>{html.escape(title)}</summary>{inside}</details>"


def code(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"


def listed(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(each)}</li>" for each in lines) + "</ul>" if lines else ""


def answer(summary: Summary | str) -> str:
    """The answer, and how far to trust it, where that is known."""
    if isinstance(summary, str):
        return paragraph(summary)
    words = f"<strong>{_TRUST[summary.trust].capitalize()}.</strong> {html.escape(summary.why)}"
    return f'{paragraph(summary.answer)}<p class="trust {summary.trust}">{words}</p>'


def figure(drawn: go.Figure, words: str) -> str:
    """A figure that can be zoomed and turned, its words below it."""
    inside = drawn.to_html(config=theme.CONFIG, include_plotlyjs=False, full_html=False, auto_play=False)
    return f"<figure>{inside}<figcaption>{html.escape(words)}</figcaption></figure>"


def table(rows: Rows, name: str = "", most: int | None = ROWS_SHOWN) -> str:
    """The first rows of a table; with a name, all of them as a CSV to save."""
    shown = first_rows(rows, most) if most is not None else rows
    head = "".join(f"<th>{html.escape(each)}</th>" for each in shown)
    lines = zip(*shown.values(), strict=True)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(each))}</td>" for each in line) + "</tr>" for line in lines)
    made = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    count = len(next(iter(rows.values()), ()))
    if most is not None and count > most:
        made += paragraph(f"The first {most} of {count:,} rows.", "muted")
    return made + (_saved(rows, name) if name else "")


def _saved(rows: Mapping[str, Sequence[object]], name: str) -> str:
    text = io.StringIO()
    write_table(text, rows)
    data = text.getvalue().encode()
    if len(data) > MOST_BYTES:
        return paragraph(f"{name}.csv would be too large for this file: save it from the page.", "muted")
    link = f"data:text/csv;base64,{base64.b64encode(data).decode()}"
    return f'<p><a download="{html.escape(name)}.csv" href="{link}">Save {html.escape(name)}.csv</a></p>'


def texts(found: Mapping[str, str]) -> str:
    """Short texts in Markdown, each under its heading: paragraphs, emphasis and formulas as they are written."""
    parts = (heading(title, 3) + "".join(_marked(each) for each in text.split("\n\n")) for title, text in found.items())
    return "".join(parts)


def _marked(text: str) -> str:
    line = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(text.strip()))
    line = re.sub(r"\*(.+?)\*", r"<em>\1</em>", line)
    return f"<p>{line}</p>"


def shown(view: View) -> str:
    """A view: its answer, figures and notes, and its tables folded."""
    parts = [answer(view.summary), *(figure(each.figure, each.words) for each in view.pictures), listed(view.notes)]
    parts += [folded(f"Numbers: {name.replace('_', ' ')}", table(rows, name)) for name, rows in view.tables.items()]
    return "".join(parts)
