"""Scores: metrics, intervals, the language x task suite and its reports."""
