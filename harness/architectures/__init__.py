"""Keras models for the tasks, one family a file; each puts the normalization it is handed at its own sites."""
