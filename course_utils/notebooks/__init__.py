"""All that is known about a notebook: its cells, reading, skeleton, repair, recognising."""
