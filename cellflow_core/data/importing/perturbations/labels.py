"""What a label of a cell, or the name of a guide, says of its perturbation: targets, control, or no call.

A name is joined to a target where it says so: the target is a gene of the file ("GATA1_2", with GATA1 measured), or
the name has the marks of a guide ("sgGATA1_2", "GATA1_g2", "p_sgEGR2_1"). "NKX2-1" and "HLA-A" stay themselves; "X-1"
beside "X-2", of which nothing is known, stay separate, and are listed so that a person can join them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cellflow_core.data.readers import MISSING, gene_names

_CONTROL = re.compile(
    r"(?:neg(?:ative)?[-_ ]?)?(?:ctrl|control)s?|non[-_ ]?target(?:ing|ed)?|nt|ntc|nontarget|scrambled?|"
    r"safe(?:[-_ ]?(?:target(?:ing|s)?|harbou?r))?|(?:no|one)[-_ ](?:non[-_]gene[-_])?site|wt|wild[-_ ]?type|"
    r"unperturbed|un(?:treated|stimulated|infected)|dmso|mock|vehicle|pbs|none|aavs1|rosa26|intergenic|luc(?:iferase)?|"
    r"lacz|e?gfp|empty(?:[-_ ]?vector)?",
    re.I,
)
_NO_CALL = re.compile(
    r"|nan|n/?a|<na>|unassigned|not[-_ ]assigned|ambiguous|unknown|undetermined|multi(?:ple|plet)s?|doublets?|"
    r"no[-_ ]?(?:guide|sgrna|grna|call)s?|\*|\?|-",
    re.I,
)
_NO_GUIDE = re.compile(r"none|negative|neg|0", re.I)
_PREFIX = re.compile(r"^(?:(?:[pm][-_])?sg[-_]?(?=[A-Za-z])|[pm]_(?=[A-Z])|K[OD]_|g(?=[A-Z]))")
_SURE_PREFIX = re.compile(r"^(?:[pm][-_])?sg[-_]?(?=[A-Z])|^[pm]_(?=[A-Z])")
_DEED = re.compile(r"[-_ ](?:KO|KD|OE|knock-?out|knock-?down|i)$", re.I)
_MARK = re.compile(r"(?:[-_. ](?:sg|g|guide|grna|sgrna)[-_ ]?\d+|[-_][ACGT]{8,}|_P[12](?:P2)?)$", re.I)
_NUMBER = re.compile(r"(?:[-_. ]\d+|[-_][ab]|(?<=[A-Z\d])g\d+)$", re.I)


@dataclass
class LabelReader:
    """Reads labels one by one, and keeps which it joined and of which it was not sure.

    genes     spelling -> gene of the file
    controls  labels that a person took for controls, in lower case; empty: those that are named like one
    guides    "auto", "join" (a number or letter at the end is always that of a guide) or "keep" (never)
    of_guides the column, or panel, is named as one of guides
    joined    target -> names that were joined to it
    unsure    stem -> labels that may be its guides, and were kept as they are
    """

    genes: Mapping[str, str]
    controls: Collection[str] = ()
    guides: str = "auto"
    of_guides: bool = False
    joined: dict[str, list[str]] = field(default_factory=dict)
    unsure: dict[str, list[str]] = field(default_factory=dict)

    def targets(self, label: str) -> list[str] | None:
        """Targets of one label: several for a combination, none for a control; None where it is no call."""
        label = label.strip()
        if label.lower() in self.controls:
            return []
        if label == MISSING or _NO_CALL.fullmatch(label) or (self.of_guides and _NO_GUIDE.fullmatch(label)):
            return None
        found = [target for part in self._parts(label) if (target := self._target(part))]
        return list(dict.fromkeys(found))

    def is_control(self, name: str) -> bool:
        """Is this a control: as a person named them, else by its name?"""
        if self.controls:
            return name.lower() in self.controls
        plain = _PREFIX.sub("", name)
        stem = _NUMBER.sub("", _MARK.sub("", plain))
        if _CONTROL.fullmatch(stem) or _CONTROL.fullmatch(plain):
            return True
        bare = (re.sub(r"[-_ ]?\d+$", "", each) for each in (plain, stem))
        return any(_CONTROL.fullmatch(each) for each in bare) and not self._is_gene(name)

    def _parts(self, label: str) -> list[str]:
        """The parts of a combination: "A+B"; "A,B" and "A_B" only where each part is a gene or a control."""
        if self._is_gene(label):
            return [label]
        parts = [each for each in re.split(r"\s*[+;|&]\s*", label) if each]
        for mark in (",", "_"):
            if len(parts) == 1 and mark in label and not self.is_control(label):
                split = [each.strip() for each in label.split(mark) if each.strip()]
                known = [self._is_gene(each) for each in split]
                control = [self.is_control(each) for each in split]
                if len(split) > 1 and any(known) and all(a or b for a, b in zip(known, control, strict=True)):
                    parts = split
        return parts

    def _target(self, name: str) -> str:
        """Target of one part, "" for a control."""
        if self.is_control(name):
            return ""
        if self.guides == "keep" or self._is_gene(name):
            return name
        plain = _DEED.sub("", _PREFIX.sub("", name))
        marked = _MARK.sub("", plain)
        stem = _NUMBER.sub("", marked) or marked
        for each in (plain, marked, stem):
            if self._is_gene(each):
                return self._join(name, each)
        if self.guides == "join" or self.of_guides or _SURE_PREFIX.match(name):
            return self._join(name, stem)
        if marked != plain:
            return self._join(name, marked)
        if stem != plain:
            self.unsure.setdefault(stem, []).append(name)
            return name
        return self._join(name, plain)

    def _join(self, name: str, target: str) -> str:
        if name != target and name not in self.joined.setdefault(target, []):
            self.joined[target].append(name)
        return target

    def _is_gene(self, name: str) -> bool:
        return gene_names.spelling(name) in self.genes
