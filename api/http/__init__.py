"""The edge: what stands before every call and behind every refusal."""
