"""The root of the API: addresses, errors, log-in, and what composes several floors."""
