"""What whoever runs the server may do, and no user: the command line's side of the REST API."""
