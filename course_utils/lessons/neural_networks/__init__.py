"""Helpers of the notebooks on neural networks."""
