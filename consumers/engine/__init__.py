"""The pure core: folds changes into effects, without I/O and without a clock."""
