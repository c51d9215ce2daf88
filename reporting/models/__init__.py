from reporting.models.daily import DailySummary

__all__ = ["DailySummary"]
