"""What listens: the socket, uvicorn around it, and the way it stops."""
