"""What adaptive prompting spares, and what it costs in AP."""
