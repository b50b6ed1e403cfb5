"""Numbers: each against something measured in the same run, because machines differ and are busy.

``python -m benchmarks`` prints medians, ratios and the bar each is held to; a missed bar fails nothing.
"""
