"""py-rattler, in our own terms: solving, channels, the package cache and linking. Nothing else imports it.

Everything here runs in a worker process and blocks. What py-rattler does unexpectedly and we rely on being caught is
named in ``tests/engine/test_rattler.py``.
"""
