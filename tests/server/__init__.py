"""Tests of the server extension: against real servers, over HTTP."""
