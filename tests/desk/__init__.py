"""Tests of `course_utils.desk`."""
