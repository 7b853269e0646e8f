"""All that happens to a student's files before the upload."""
