"""The local page: click one object, see it found everywhere. A small server on loopback and a page written by hand."""
