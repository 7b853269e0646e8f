"""Doors to learning platforms; a folder each, and `door` says which of them the course goes through.

A door owes two functions and `clean_comment`. The stages call nothing else of a platform; what they ask of its
settings (`classroom.settings.OpenOlat`) and say of it in notes is OpenOlat's still, and the demo plays its download:

- *read*: a download, a folder to unpack it to, what is `hand_ins.Wanted`, the roster and the settings →
  `hand_ins.Download`, which holds a `HandIn` with its files for each owner, and a `Problem` for whatever has none.
  `olat.downloads.read_download` is the example.
- *give back*: a folder and a `marks_back.Return`, with a `Line` for each person → the files that the platform takes
  back, with a page that says what to click. `olat.write_back.write_files` is the example; `clean_comment` makes a text
  fit its fields.

A platform's settings are a class in `classroom.settings`.
"""
