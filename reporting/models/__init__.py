from reporting.models.control_groups import ControlGroupResult
from reporting.models.daily import DailySummary
from reporting.models.liability import LINES, LiabilityDay

__all__ = ["LINES", "ControlGroupResult", "DailySummary", "LiabilityDay"]
