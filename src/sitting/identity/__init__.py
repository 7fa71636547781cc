"""Who is asking, and what they may: tokens, tickets, sessions, passwords, keys, the access matrix."""
