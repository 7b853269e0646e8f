"""What one assignment alone uses: a folder each, named after the assignment."""
