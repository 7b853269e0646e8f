"""Doors to learning platforms; a folder each.

A door owes two functions, and nothing above it knows more of the platform than they say:

- *read*: a download of the platform, a folder to unpack it to, the roster → `hand_ins.Download`, which holds a `HandIn`
  with its files for each owner, and a `Problem` for whatever has none. `olat.downloads.read_download` is the example.
- *give back*: the marks as `Line`s and a folder → the files that the platform takes back, with a page that says what to
  click. `olat.write_back.write_files` is the example.
"""
