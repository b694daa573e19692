"""How fast the harness is, beside `keras.fit` and PyTorch on the same cells: what `python -m harness bench` does."""
