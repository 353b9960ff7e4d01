"""What the crm room's routes take and answer."""
