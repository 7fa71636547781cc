"""The socket's language and rules, without a socket: commands in, messages out, what a connection may do when."""
