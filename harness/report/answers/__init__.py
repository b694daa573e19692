"""One question a module: what is computed for it, its table, its figure, its sentence, how to read them."""
