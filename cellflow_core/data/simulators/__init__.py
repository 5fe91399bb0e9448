"""Simulated processes whose drift, growth, landscape and knock-outs are known: ground truth for models."""
