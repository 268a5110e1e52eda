"""Durations in words, for every place that shows one."""

from __future__ import annotations

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365.25 * DAY
LONG = DAY  # work that is longer is asked about before it is queued


def duration(seconds: float) -> str:
    """Return seconds as a rounded duration in the units that a person would choose.

    "40 s", "3 min", "2 h 10 min", "3 days 4 h", "58 days", "1.3 years".
    """
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = max(1, round(seconds / MINUTE))
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / HOUR), 24)
    if days < 10:
        return f"{days} days {hours} h" if hours else f"{days} days"
    if seconds < YEAR:
        return f"{round(seconds / DAY)} days"
    years = seconds / YEAR
    number = f"{years:.1f}" if years < 10 else f"{years:,.0f}"
    return f"{number} year" if number == "1.0" else f"{number} years"


def clock(seconds: float) -> str:
    """Return seconds as m:ss or h:mm:ss, or from a day on as d h:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours}:{minutes:02}:{rest:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
