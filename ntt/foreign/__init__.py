"""Reading what somebody else wrote: one way to read each format, one error for whatever its parser raises."""
