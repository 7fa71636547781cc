"""One repository for each aggregate. Rows become domain objects here and nowhere else."""
