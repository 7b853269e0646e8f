"""The `course` command, thin."""
