"""Helpers that the notebooks of the course import, and the machinery that grades them.

Notebooks import the modules at this level, `checks`, `plotting` and `lessons`. The other rooms are for instructors, or
for the `course` command; nothing that notebooks import imports them.
"""

import sys

# jsonschema, which nbformat imports, would compile a grammar for international web addresses: two seconds at each
# start, for a format that no notebook's schema asks for. It goes without it where it is missing.
sys.modules.setdefault("rfc3987_syntax", None)

__version__ = "0.1.0"
