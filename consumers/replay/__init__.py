"""Folds the log again, aside, with the parts of live consumption: to verify, to rebuild, to replay."""
