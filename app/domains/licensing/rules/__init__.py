"""Pure decisions: the form of keys, what tokens say, how long a license runs, what it may hold, how its state changes."""
