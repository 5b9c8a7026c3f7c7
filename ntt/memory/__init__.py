"""References -> vectors -> prototypes: pure functions of tensors (method sections 2 and 3)."""
