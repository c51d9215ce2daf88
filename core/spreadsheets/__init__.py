"""Read tables out of files that people made: any spreadsheet or delimited text becomes rows of text.

Hostile input is parsed in a child process (`child.py`) under memory and time limits; the caller (`reading.py`) only
ever sees a stream that COPY understands. Nothing here knows what the columns mean, and nothing here may import Django:
the child starts without it.
"""
