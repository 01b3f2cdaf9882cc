"""Readers of foreign event files, and the screen that turns what they find into hardware words."""
