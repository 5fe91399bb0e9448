"""The server around the pages: its addresses, what starts and ends with it, and what a failed page says."""
