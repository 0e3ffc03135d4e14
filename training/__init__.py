"""Training, evaluation, export and promotion of detectors."""
