"""The kernel: settings, database, clock, identifiers, money, secrets, errors, events, audit, the sending port, logs."""
