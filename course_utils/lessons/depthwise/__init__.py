"""Helpers of the notebook on depthwise-separable convolution."""
