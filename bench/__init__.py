"""The benchmark: Itemroom and its peers under one load, on one machine, in one run."""
