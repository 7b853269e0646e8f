"""The class: folder, settings, roster, deadlines, marks, pseudonyms."""
