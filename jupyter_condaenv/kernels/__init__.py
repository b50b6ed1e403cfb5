"""Kernels of conda environments: kernelspecs on disk, what starts them, and the one that says why another did not."""
