"""The shared folder of artifacts: addressed by content, written whole or not at all, made only once."""
