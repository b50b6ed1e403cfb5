"""What clients may ask, as types, a module for each resource. Each knows the engine's request that it stands for."""
