"""Helpers of the losses notebooks."""
