"""Names that mean something in Markdown, HTML, figures, tables or paths, and where they would come to mean it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

EVIL = "evil.example"
NAMES = (
    f"![x](http://{EVIL}/x.png)",
    f"[y](http://{EVIL}/y)",
    f'<img src="http://{EVIL}/z.png" onerror="alert(1)">',
    f'<a href="http://{EVIL}/a">a</a>',
    "**bold** `code` $\\frac{a}{b}$ $$c$$",
    ":material/home: :smile: :red[red] :red-badge[badge]",
    f"www.{EVIL} http://{EVIL} me@{EVIL}",
    "one\n\n# two\n\n- three\n\n    four",
    "\u202egnp.exe\u200b\u2066",
    "=HYPERLINK(1)",
    "+1",
    "@SUM(1)",
    "../../etc/passwd",
    "| a | b |",
    "%{x} {y}",
    "n" * 300,
)
MARKDOWN_FIELDS = ("body", "label", "help", "captions", "content", "caption", "delta", "title")
OPTIONS_IN_MARKDOWN = ("radio",)
PLAIN = ("dataframe", "table", "plotly_chart", "bidi_component", "json", "code", "html", "file_uploader")
"""Elements without Markdown of their own."""
LATER = re.compile(
    rf":(?:material/|[\w+-]+:)|(?<![\\\w])\$|https?://{re.escape(EVIL)}|www\.{re.escape(EVIL)}|@{re.escape(EVIL)}|"
    r"(?<!\\):red(?:-badge)?\["
)
"""What streamlit reads in Markdown besides Markdown: emoji, icons, formulas, addresses, colours."""
OWN = re.compile(r":[a-z]+-badge\[(?=:material/)|:material/(?!home:)\w+:")
"""Icons and badges of states, which the app itself writes."""
_MARKDOWN = MarkdownIt("commonmark").enable("table")


def foreign(page: AppTest) -> list[str]:
    """Every place of a page where a name is more than text: "element: what it shows"."""
    found = [f"{kind}: {text}" for kind, text in _markdown(page) if is_read(text)]
    return found + [f"figure: {each}" for each in _in_figures(page)]


def is_read(text: str) -> bool:
    """Is a name of NAMES in this Markdown more than text?"""
    if any(name in text for name in NAMES[:9]):
        return True
    return bool(LATER.search(OWN.sub("", text))) or any(
        token.type in ("image", "html_inline", "html_block", "code_block") or EVIL in str(token.attrs.get("href", ""))
        for each in _MARKDOWN.parse(text)
        for token in (each, *(each.children or ()))
    )


def _markdown(page: AppTest) -> Iterator[tuple[str, str]]:
    """(kind of element, text) of all that is shown as Markdown."""
    for node in _nodes(page._tree):
        proto = getattr(node, "proto", None)
        if isinstance(proto, Message) and node.type not in PLAIN:
            for name, text in _texts(proto):
                if name in MARKDOWN_FIELDS or (name == "options" and node.type in OPTIONS_IN_MARKDOWN):
                    yield f"{node.type}.{name}", text


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in getattr(node, "children", {}).values():
        yield from _nodes(child)


def _texts(message: Message) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        every = value if field.is_repeated and not _is_map(field) else [value]
        for each in every:
            if field.type == FieldDescriptor.TYPE_STRING and isinstance(each, str):
                yield field.name, each
            elif field.type == FieldDescriptor.TYPE_MESSAGE and isinstance(each, Message):
                yield from _texts(each)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _in_figures(page: AppTest) -> Iterator[str]:
    """Tags and links in the texts of figures: plotly shows some tags, and links to any address."""
    for node in _nodes(page._tree):
        if node.type == "plotly_chart":
            yield from re.findall(r".{0,40}(?:<a |<img|\$\\\\frac|%\{x\} ).{0,60}", node.proto.spec)
