"""Circuits whose drift, growth, landscape and knock-outs are known: the truth that models are held against."""
