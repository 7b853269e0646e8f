"""Helpers of the dog-breeds notebooks."""
