"""Pictures of perturbations: predicted, screened and measured."""
