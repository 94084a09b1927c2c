"""A family of artificial languages with known relatedness, for the demo and the tests; never quoted as a result."""
