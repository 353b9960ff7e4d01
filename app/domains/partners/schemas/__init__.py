"""What the partners room's routes take and answer."""
