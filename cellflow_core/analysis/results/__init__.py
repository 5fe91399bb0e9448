"""What the analyses find: arrays with their meaning, ready to be drawn, stored and exported. No torch here."""

from cellflow_core.analysis.results.courses import GeneTrend, TimeCourse
from cellflow_core.analysis.results.fates import FateGenes, Fates, TrajectoryEnsemble
from cellflow_core.analysis.results.fields import (
    Barriers,
    FieldDerivatives,
    FixedPoints,
    FlowField,
    Landscape,
    MovingLandscape,
)
from cellflow_core.analysis.results.individuals import (
    ForecastErrors,
    IndividualFits,
    IndividualParameters,
    Measurements,
    PredictionErrors,
    PredictiveCheck,
    RegimenComparison,
)
from cellflow_core.analysis.results.knock_outs import KnockOutScores
from cellflow_core.analysis.results.lineage import (
    Ancestry,
    CellBranches,
    CellLineages,
    ClonalBias,
    Composition,
    GroupGraphs,
    OrderAgreement,
)
from cellflow_core.analysis.results.measured_effects import MeasuredEffects
from cellflow_core.analysis.results.perturbation import Perturbation
from cellflow_core.analysis.results.regulation import CellOrder, FateInfluence, GeneEquations, GeneNetwork, GroupTrends
from cellflow_core.analysis.results.result import Result
from cellflow_core.analysis.results.rna_velocity import (
    GroupVelocities,
    PermutationScores,
    PhasePortrait,
    VelocityAgreement,
)
from cellflow_core.analysis.results.scores import BaselineScores, Distances, Scores
from cellflow_core.analysis.results.screen import PerturbationScreen

__all__ = [
    "Ancestry",
    "Barriers",
    "BaselineScores",
    "CellBranches",
    "CellLineages",
    "CellOrder",
    "ClonalBias",
    "Composition",
    "Distances",
    "FateGenes",
    "FateInfluence",
    "Fates",
    "FieldDerivatives",
    "FixedPoints",
    "FlowField",
    "ForecastErrors",
    "GeneEquations",
    "GeneNetwork",
    "GeneTrend",
    "GroupGraphs",
    "GroupTrends",
    "GroupVelocities",
    "IndividualFits",
    "IndividualParameters",
    "KnockOutScores",
    "Landscape",
    "MeasuredEffects",
    "Measurements",
    "MovingLandscape",
    "OrderAgreement",
    "PermutationScores",
    "Perturbation",
    "PerturbationScreen",
    "PhasePortrait",
    "PredictionErrors",
    "PredictiveCheck",
    "RegimenComparison",
    "Result",
    "Scores",
    "TimeCourse",
    "TrajectoryEnsemble",
    "VelocityAgreement",
]
