"""The detectors that judge a player or compare players; rings have a package of their own."""
