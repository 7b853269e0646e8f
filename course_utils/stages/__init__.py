"""README's five stages, one file each."""
