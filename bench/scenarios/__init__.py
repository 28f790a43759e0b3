"""The scenarios: each asks one question, of every peer that can answer it."""
