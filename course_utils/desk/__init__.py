"""The desk: a local web page on which a person reads one question over the whole class."""
