"""The WebSocket, live: accepting, reading, answering. It decides nothing that the rooms below can decide."""
