"""The myeloid network against the paper's Boolean rules, its knock-outs and a finer step."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cellflow_core.data.simulators.krumsiek import GENES, LABEL, MATURE, Krumsiek, Settings, made

pytestmark = pytest.mark.truth

RULES = {  # Krumsiek et al. 2011, text S1, in the words of Python
    "Gata2": "Gata2 and not (Gata1 and Fog1) and not Pu1",
    "Gata1": "(Gata1 or Gata2 or Fli1) and not Pu1",
    "Fog1": "Gata1",
    "EKLF": "Gata1 and not Fli1",
    "Fli1": "Gata1 and not EKLF",
    "SCL": "Gata1 and not Pu1",
    "Cebpa": "Cebpa and not (Gata1 and Fog1 and SCL)",
    "Pu.1": "(Cebpa or Pu1) and not (Gata1 or Gata2)",
    "cJun": "Pu1 and not Gfi1",
    "EgrNab": "(Pu1 and cJun) and not Gfi1",
    "Gfi1": "Cebpa and not EgrNab",
}
ERY, MEG, MONO, GRAN = MATURE
LEFT = {  # the same paper: fates that are still reached from the early state without the gene
    "Gata2": {MONO, GRAN},
    "Gata1": {MONO, GRAN},
    "Fog1": {MONO, GRAN},
    "EKLF": {MEG, MONO, GRAN},
    "Fli1": {ERY, MONO, GRAN},
    "SCL": {MONO, GRAN},
    "Cebpa": {ERY, MEG},
    "Pu.1": {ERY, MEG},
    "cJun": {ERY, MEG, GRAN},
    "EgrNab": {ERY, MEG, GRAN},
    "Gfi1": {ERY, MEG, MONO},
}
CORNERS = np.array(list(itertools.product((0.0, 1.0), repeat=len(GENES))))


def boolean(state: np.ndarray) -> list[bool]:
    names = {each.replace(".", ""): bool(value) for each, value in zip(GENES, state, strict=True)}
    return [eval(RULES[each], {}, names) for each in GENES]


def test_at_on_and_off_the_rules_are_the_papers() -> None:
    assert (made(CORNERS) == np.array([boolean(each) for each in CORNERS])).all()


def test_between_on_and_off_the_rules_are_linear_in_every_gene() -> None:
    """Together with the corners this makes them the multilinear interpolation, which is unique."""
    rng = np.random.default_rng(0)
    for gene in range(len(GENES)):
        low = rng.random((50, len(GENES)))
        high = low.copy()
        low[:, gene], high[:, gene] = 0, 1
        np.testing.assert_allclose(made((low + high) / 2), (made(low) + made(high)) / 2, atol=1e-12)


def test_the_four_fates_are_states_of_rest_of_the_rules_and_of_the_drift() -> None:
    network = Krumsiek()
    for name, state in network.steady_states().items():
        assert boolean(state) == list(state.astype(bool)), name
        assert (network.drift(0.0, state[None]) == 0).all(), name
        assert network.fate_of(state[None]) == name
        near = np.abs(state + 0.1 * np.random.default_rng(1).standard_normal((20, len(GENES))))
        for _ in range(4000):
            near = near + 0.01 * network.drift(0.0, near)
        np.testing.assert_allclose(near, np.tile(state, (20, 1)), atol=1e-3, err_msg=name)


def test_the_network_has_the_signs_of_the_rules() -> None:
    change = np.zeros((len(GENES), len(GENES)))
    for regulator in range(len(GENES)):
        off, on = CORNERS[CORNERS[:, regulator] == 0], CORNERS[CORNERS[:, regulator] == 1]
        change[:, regulator] = (made(on) - made(off)).sum(axis=0)
    assert (np.sign(change) == Krumsiek().network()).all()
    assert np.abs(Krumsiek().network()).sum() == 30


def test_every_knock_out_leaves_the_fates_of_the_paper() -> None:
    network = Krumsiek()
    for gene, left in LEFT.items():
        shares = network.fate_shares({gene: 0.0}, cells=600)
        assert {fate for fate in MATURE if shares[fate] > 0.02} == left, (gene, shares)


def test_all_four_fates_are_reached_and_the_shares_agree_with_a_finer_step() -> None:
    shares, fine = (
        Krumsiek(Settings(step=step)).fate_shares(cells=4000, seed=k) for k, step in enumerate((0.02, 0.005))
    )
    for fate, share in shares.items():
        assert abs(share - fine[fate]) < 4 * np.sqrt(0.25 / 2000), fate
        assert fate == "not mature" or share > 0.1, fate


def test_cells_of_the_last_day_are_a_fair_sample() -> None:
    network = Krumsiek(Settings(cells_per_time=3000, n_times=2))
    data, shares = network.simulate(), network.fate_shares(cells=6000)
    last = data.labels[LABEL][data.t == data.times[-1]]
    assert (data.labels[LABEL][data.t == 0] == "not mature").all() and data.mass is None
    for fate, share in shares.items():
        assert abs((last == fate).mean() - share) < 4 * np.sqrt(0.25 / 2000), fate
    assert (network.simulate().x == data.x).all()


def test_an_unknown_gene_is_named() -> None:
    with pytest.raises(KeyError, match="Spi1.*Gata2, Gata1"):
        Krumsiek().fate_shares({"Spi1": 0.0}, cells=2)
