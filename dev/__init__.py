"""What `run.py` does: set up the environment, sync, check the documentation, serve the sandbox."""
