"""Where the next question comes from. Pure over values: what the bank holds is handed in."""
