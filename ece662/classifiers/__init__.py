"""Classifiers: networks made of the layers, ready for the Solver."""
