"""What runs before a kernel does, as it is installed: read by ``kernels.launcher``, never imported."""
