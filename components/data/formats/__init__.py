"""Annotation formats: how the labels of samples are written at a source."""
