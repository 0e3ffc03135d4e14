"""From image bytes to graded findings, without torch."""
