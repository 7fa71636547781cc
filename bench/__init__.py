"""What the path of an answer, and whole candidates, cost: measured against baselines in the same run (`make bench`)."""
