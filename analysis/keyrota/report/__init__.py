"""What is told of a log: the content of the report, and the formats that show it."""
