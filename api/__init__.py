"""The HTTP service: a shell around the inspector."""
