"""Old names, for the settings of courses that use them; the rooms are `classroom`, `platforms` and `stages`."""
