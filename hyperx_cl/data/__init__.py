"""Reading, checking, splitting, encoding and batching text and labelled sentences."""
