"""LVIS' own figures of a run's predictions."""
