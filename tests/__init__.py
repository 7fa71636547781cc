"""What Sitting promises, as tests; `support` holds the tools that several of them use."""
