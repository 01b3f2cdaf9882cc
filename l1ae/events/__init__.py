"""Events in hardware words: scales, files, the split, the generator, the shipped sample."""
