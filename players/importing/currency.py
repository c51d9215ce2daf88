"""The operator's one currency, as files may write it beside an amount."""

from __future__ import annotations

from players.policies import OPERATOR_CURRENCY

_SIGNS = {
    "EUR": ("€",),
    "USD": ("$", "US$"),
    "GBP": ("£",),
    "INR": ("₹", "Rs.", "Rs"),
    "JPY": ("¥",),
    "CNY": ("¥",),
    "CAD": ("$", "CA$", "C$"),
    "AUD": ("$", "A$"),
    "NZD": ("$", "NZ$"),
    "BRL": ("R$",),
    "CHF": ("Fr.",),
    "SEK": ("kr",),
    "NOK": ("kr",),
    "DKK": ("kr",),
    "PLN": ("zł",),
    "CZK": ("Kč",),
    "TRY": ("₺",),
    "UAH": ("₴",),
    "NGN": ("₦",),
    "KRW": ("₩",),
    "PHP": ("₱",),
    "THB": ("฿",),
    "VND": ("₫",),
}


def operator_currency_words() -> tuple[str, ...]:
    """Return the currency's code and signs; amounts in any other currency are refused."""
    code = OPERATOR_CURRENCY.value().upper()
    return (code, *_SIGNS.get(code, ()))
