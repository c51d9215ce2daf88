"""Opening the house on one machine: servers, tables, sample data, one night, and the processes that serve."""
