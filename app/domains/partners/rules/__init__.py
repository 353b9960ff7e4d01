"""Pure decisions about partners: how they are called and look, what a sale earns them, what is left of their licenses."""
