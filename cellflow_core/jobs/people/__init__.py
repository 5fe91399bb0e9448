"""What people do with each other's work on one server: sharing, and what whoever looks after it sees."""
