"""The story of the product, told by doing it: `make demo`."""
