"""What stands outside a server, and knows it by the wire: synthetic candidates with a check, and a scripted model."""
