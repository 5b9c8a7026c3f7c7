"""Which settings beat the published ones over the same stored proposals; see README.md beside this file."""
