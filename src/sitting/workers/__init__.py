"""What happens by itself, with nobody connected."""
