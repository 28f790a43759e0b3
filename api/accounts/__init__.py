"""Users and the five ways in which they show who they are."""
