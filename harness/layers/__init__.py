"""How it is computed: normalization and its passes over memory, convolution, LSTM. No strategy is known here."""
