"""Who may do what: one function decides, on what one query says."""
