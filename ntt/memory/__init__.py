"""References -> vectors -> prototypes: pure functions of tensors (docs/method.md, sections 2 and 3)."""
