"""Where a run reports to besides its folder."""
