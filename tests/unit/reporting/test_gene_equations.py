"""Equations as they are written out are those that a model moves cells by."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from cellflow_core.analysis.regulation.gene_equations import gene_equations
from cellflow_core.analysis.results import GeneEquations
from cellflow_core.figures.genes import coefficients
from cellflow_core.models import registry
from cellflow_core.models.contract import Context
from cellflow_core.reporting.regulation import equations as equation_texts
from cellflow_core.train.trainer import TrainConfig, fit
from tests.contract.test_capabilities import snapshots

FUNCTIONS = {"tanh": np.tanh, "sigma": lambda y: 1 / (1 + np.exp(-y))}
POWER = re.compile("([ABC])([²³])")
PRODUCT = re.compile(r"(?<=[\d.ABC)]) (?=[ABCst(])")


def trained(name: str, steps: int = 40):
    data = snapshots()
    model = registry.create(name, {}, data.spec, 0)
    fit(model, data, TrainConfig(steps=steps, batch_size=8, validation_fraction=0.0))
    return model.eval(), data


def value(words: str, levels: dict[str, np.ndarray]) -> np.ndarray:
    """The right-hand side of an equation in words, at these levels."""
    side = words.partition(" = ")[2].replace("−", "-").replace("σ", "sigma").replace("e-", "E-")
    side = POWER.sub(lambda found: f"{found[1]} ** {2 if found[2] == '²' else 3}", side)
    return eval(PRODUCT.sub(" * ", side), {**FUNCTIONS, **levels, "u": 0.0})


@pytest.mark.parametrize("name", ["flecs", "cellbox", "d-code", "sindy"])
def test_what_is_written_is_what_moves_cells(name):
    """Within the three digits of the numbers, at states within the measured range."""
    model, data = trained(name, 1 if name in ("d-code", "sindy") else 40)
    found = gene_equations(model)
    assert found.exact and found.genes == data.space.genes
    shift, unit = (np.zeros(3), np.ones(3)) if found.scale is None else found.scale.T
    x = torch.from_numpy(data.x[:5])
    with torch.no_grad():
        velocity = model.velocity(torch.zeros(5), x, Context()).numpy()
    levels = dict(zip(found.genes, ((data.x[:5] - shift) / unit).T, strict=True))
    span = float(model.motion.span) if name == "flecs" else 1.0
    for k in range(3):
        rate = value(equation_texts.in_words(found, k), levels) * unit[k] / span
        np.testing.assert_allclose(rate, velocity[:, k], rtol=0.03, atol=0.03 * np.abs(velocity).max())


@pytest.mark.parametrize("name", ["c-node", "pathreg", "phoenix", "ngm", "causal-kinetix"])
def test_an_equation_that_is_no_sum_lists_what_it_depends_on(name):
    model, _ = trained(name, 2)
    found = gene_equations(model)
    words = equation_texts.in_words(found, 0)
    listed = re.search(r"f\((.*?)\)", words)
    assert not found.exact and listed is not None and words.startswith("d A / d")
    assert listed[1] == (", ".join(equation_texts.terms_of(found, 0)) or "0")
    assert r"\frac{d\," in equation_texts.in_latex(found, 0) and found.meaning.endswith(".")


def hostile() -> GeneEquations:
    values = np.array([[2e-5, -1.5, 0.0, 0.5], [0.0, 0.0, 0.0, 0.0]])
    terms, nothing = ((), (0, 0), (0, 1)), ("", "3e-07 (f(")
    return GeneEquations(
        (r"A_1 @$\x", "B"), "", "", terms, (1,), values, nothing, ("", ") − @)"), True, "weight", "z_{@}", "s"
    )


def test_names_and_numbers_are_safe_in_latex():
    found = hostile()
    name = r"z_{\text{A\_1 @\$\textbackslash{}x}}"
    left, _, right = equation_texts.in_latex(found, 0).partition(" &= ")
    one, two = right.removesuffix(r" \end{aligned}").split(r" \\ &\quad ")
    assert left == rf"\begin{{aligned}} \frac{{d\,{name}}}{{ds}}"
    assert one == rf"- 1.5 {{{name}}}^{{2}} + 0.5 z_{{\text{{B}}}} \log z_{{\text{{B}}}}"
    assert two == r"+ 2 \times 10^{-5}"
    assert equation_texts.in_words(found, 0, most=1) == r"d A_1 @$\x / ds = − 1.5 A_1 @$\x² + …"
    assert equation_texts.in_words(found, 1) == "d B / ds = 3e-07 (f(0) − B)"
    rows = equation_texts.all_rows(found)
    assert rows["term"] == [r"A_1 @$\x²", "B log B", "constant"] and rows["weight"] == [-1.5, 0.5, 2e-5]
    figure = coefficients.coefficients(found, 0, equation_texts.terms_of(found, 0))
    assert len(figure.data[0].x) == 3 and tuple(figure.data[0].marker.pattern.shape) == ("/", "", "")


def test_a_model_without_equations_says_so():
    model, _ = trained("correlation", 1)
    with pytest.raises(ValueError, match="no equations"):
        gene_equations(model)
