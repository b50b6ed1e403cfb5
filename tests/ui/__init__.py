"""The panel, as people use it: in a real Chromium, in a real JupyterLab or Notebook, on real channels."""
