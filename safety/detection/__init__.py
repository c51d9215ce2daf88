"""Detection of abuse: signs that a person can check, found by night over everybody and live for one player."""

from safety.abuse import apply_abuse_penalty, calculate_abuse_score
from safety.detection.running import detect_abuse_signals
from safety.review.opening import flag_for_review

__all__ = ["apply_abuse_penalty", "calculate_abuse_score", "detect_abuse_signals", "flag_for_review"]
