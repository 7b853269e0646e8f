"""Helpers of the CIFAR-10 notebooks."""
