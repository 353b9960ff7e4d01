"""What the billing room's routes take and answer."""
