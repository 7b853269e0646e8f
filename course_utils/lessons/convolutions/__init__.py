"""Helpers of the convolutions notebooks."""
