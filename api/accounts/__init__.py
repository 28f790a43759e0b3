"""Users and the six ways in which they show who they are."""
