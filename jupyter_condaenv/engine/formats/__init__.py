"""Files of other tools, read and written: one module for each format.

Reading is text work: nothing is run, filled in, fetched or looked up elsewhere, sizes and depths have limits, and what
is refused is refused with the file's name and the line.
"""
