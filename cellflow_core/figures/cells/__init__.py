"""Cells as points of a canvas: their colours, and the bytes that the browser draws."""
