"""Helpers of the visualisation notebooks."""
