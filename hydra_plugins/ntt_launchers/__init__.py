"""Launchers of ntt: Hydra accepts them only from modules below `hydra_plugins`."""
