"""One config becomes one record. Read `run.py` first: data, model, training, evaluation, record, in that order."""
