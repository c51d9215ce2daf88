"""The redemption catalogue: points buy bonus money, tickets or a benefit."""
