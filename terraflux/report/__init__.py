"""Figures and the HTML page of a run; drawing libraries are loaded when a figure is drawn."""
