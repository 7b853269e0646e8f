"""The practical on MNIST: digits to train on, runs that TensorBoard shows, and their figures."""
