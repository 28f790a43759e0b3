"""Items, their members and roles, and the one function that decides access."""
