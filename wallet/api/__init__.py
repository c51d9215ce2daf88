"""Endpoints of the wallet: bets, balances, bonuses, spending, tickets and corrections."""
