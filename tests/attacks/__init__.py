"""Attacks on the autograder: what a dishonest student may hand in, and what must become of it."""
