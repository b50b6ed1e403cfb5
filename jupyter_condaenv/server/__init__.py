"""The Jupyter server extension: the verbs over REST, at ``<base_url>/condaenv/``."""
