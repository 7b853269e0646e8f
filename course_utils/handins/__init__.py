"""Handed-in files of any platform: archives and paths."""
