"""What pages share, by the room it belongs to."""
