"""Equations of the genes in words, in LaTeX and as tables. Pure: results in, words out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from cellflow_core.analysis.results import GeneEquations
from cellflow_core.plural import counted
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary

MOST_TERMS = 12
"""Terms of an equation that is written out; tables have all."""
PER_LINE = 2
WELL = 0.8
"""Share of the motion of left-out individuals from which on equations count as good ones."""
_POWERS = {2: "²", 3: "³", 4: "⁴"}
_LATEX = {"−": "-", "σ": r"\sigma", "tanh": r"\tanh", "softplus": r"\mathrm{softplus}"}
_ESCAPED = {each: f"\\{each}" for each in "#$%&_{}"} | {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}
_TIMES_TEN = re.compile(r"e([+-])0*(\d+)")


def of_equations(found: GeneEquations) -> Summary:
    """How long the equations are, and how well they hold in individuals that were left out."""
    lengths = (found.coefficients != 0).sum(axis=1)
    if not lengths.any():
        return Summary("The model finds no term that changes a gene.", "poor", "Every coefficient is 0.")
    kind = "an equation" if found.exact else "an equation that is known by what it depends on"
    most = counted(int(lengths.max()), "term")
    span = (
        most if lengths.min() == lengths.max() else f"{lengths.min():,} to {most}, {np.median(lengths):g} in the median"
    )
    answer = f"Each of {counted(len(found.genes), 'gene')} has {kind}, of {span}."
    if found.explained is None or np.isnan(found.explained).all():
        return Summary(answer, "fair", found.notes[0])
    share = float(np.nanmedian(found.explained))
    why = f"Equations explain {max(share, 0.0):.0%} (median) of the motion of individuals that were left out."
    return Summary(answer, "good" if share >= WELL else "fair", f"{why} {found.notes[0]}")


def term(found: GeneEquations, k: int) -> str:
    """A term in words: "1", "A", "A² B", "A log A"."""
    if k >= len(found.products):
        name = found.genes[found.logarithms[k - len(found.products)]]
        return f"{name} log {name}"
    return " ".join(f"{found.genes[j]}{_POWERS.get(n, '')}" for j, n in _counted(found.products[k])) or "1"


def in_words(found: GeneEquations, gene: int, most: int = MOST_TERMS) -> str:
    """The equation of a gene with its largest terms: "d A / dt = 0.6 − 0.1 B"."""
    shown = [(found.coefficients[gene, k], term(found, k)) for k in found.largest(gene)]
    own = found.genes[gene]
    before, after = (each.replace("@", own) for each in (found.before[gene], found.after[gene]))
    terms = (" " if found.exact else ", ").join(_joined(found, shown, most, "…"))
    return f"d {own} / d{found.time} = {before}{terms}{after}"


def in_latex(found: GeneEquations, gene: int, most: int = MOST_TERMS) -> str:
    """The same in LaTeX, safe for any name of a gene, PER_LINE terms a line."""
    shown = [(found.coefficients[gene, k], _latex_term(found, k)) for k in found.largest(gene)]
    own = _level(found, gene)
    before, after = (_latex(each).replace("@", own) for each in (found.before[gene], found.after[gene]))
    terms = _joined(found, shown, most, r"\dots", _latex)
    joint = " " if found.exact else ", "
    lines = [joint.join(terms[k : k + PER_LINE]) for k in range(0, len(terms), PER_LINE)]
    right = (joint.rstrip() + r" \\ &\quad ").join(lines)
    after = rf" \\ &\quad {after}" if after and len(lines) > 1 else after
    return rf"\begin{{aligned}} \frac{{d\,{own}}}{{d{found.time}}} &= {before}{right}{after} \end{{aligned}}"


def terms_of(found: GeneEquations, gene: int) -> list[str]:
    """The terms of a gene, the largest first, by the names of their genes."""
    return ["constant" if not found.terms[k] else term(found, k) for k in found.largest(gene)]


def coefficient_rows(found: GeneEquations, gene: int) -> Rows:
    """They, with their coefficients."""
    values = found.coefficients[gene, found.largest(gene)]
    return {"term": terms_of(found, gene), found.quantity: values.tolist()}


def all_rows(found: GeneEquations) -> Rows:
    """Every term of every gene."""
    places = [(i, k) for i in range(len(found.genes)) for k in found.largest(i)]
    return {
        "gene": [found.genes[i] for i, _ in places],
        "term": [each for i in range(len(found.genes)) for each in terms_of(found, i)],
        found.quantity: [float(found.coefficients[place]) for place in places],
    }


def equation_rows(found: GeneEquations) -> Rows:
    """The equation of every gene, with all its terms, and what is needed to use it."""
    count, everything = range(len(found.genes)), found.coefficients.shape[1]
    rows: Rows = {"gene": list(found.genes)}
    rows |= {"equation": [in_words(found, k, everything) for k in count]}
    rows |= {"LaTeX": [in_latex(found, k, everything) for k in count]}
    if found.explained is not None:
        rows |= {"explained in left-out individuals": found.explained.tolist()}
    if found.scale is not None:
        rows |= {"shift": found.scale[:, 0].tolist(), "unit": found.scale[:, 1].tolist()}
    return rows


def _joined(
    found: GeneEquations,
    shown: Sequence[tuple[float, str]],
    most: int,
    more: str,
    number: Callable[[str], str] = lambda words: words,
) -> list[str]:
    """The terms with signs, or where an equation is no sum of them their names; what is left out as `more`."""
    rest = [more] if len(shown) > most else []
    if not found.exact:
        return [*(name for _, name in shown[:most]), *rest] or ["0"]
    words = [
        number(f"{'− ' if value < 0 else '+ ' if at else ''}{abs(value):.3g}") + ("" if name == "1" else f" {name}")
        for at, (value, name) in enumerate(shown[:most])
    ]
    return [*words, *(f"+ {each}" for each in rest)] or ["0"]


def _latex_term(found: GeneEquations, k: int) -> str:
    if k >= len(found.products):
        own = _level(found, found.logarithms[k - len(found.products)])
        return rf"{own} \log {own}"
    powers = [(_level(found, j), n) for j, n in _counted(found.products[k])]
    return r"\,".join(own if n == 1 else f"{{{own}}}^{{{n}}}" for own, n in powers) or "1"


def _counted(product: tuple[int, ...]) -> list[tuple[int, int]]:
    """(gene, how often it is there) of a product."""
    return [(j, product.count(j)) for j in dict.fromkeys(product)]


def _level(found: GeneEquations, gene: int) -> str:
    """LaTeX of the level of a gene, its name as text."""
    name = "".join(_ESCAPED.get(each, each) for each in " ".join(found.genes[gene].split()))
    return found.level.replace("@", rf"\text{{{name}}}")


def _latex(words: str) -> str:
    """Numbers and functions, without names of genes."""
    for each, latex in _LATEX.items():
        words = words.replace(each, latex)
    return _TIMES_TEN.sub(lambda found: rf" \times 10^{{{found[1].strip('+')}{found[2]}}}", words)
