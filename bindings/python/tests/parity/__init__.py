"""Answers compared with those of other libraries, on real tables and on files that nobody here wrote."""
