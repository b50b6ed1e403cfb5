"""What is not as it should be in an environment: one function for each thing that is looked for.

They look and change nothing; what they find is mended by ``engine.repair``.
"""
