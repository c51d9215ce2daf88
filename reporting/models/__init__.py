from reporting.models.daily import DailySummary
from reporting.models.liability import LINES, LiabilityDay

__all__ = ["LINES", "DailySummary", "LiabilityDay"]
