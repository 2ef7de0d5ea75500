"""The regular time step of a tower record."""


def steps_per_day(step_minutes: float) -> int:
    """Rows of one day for a step (minutes) that divides an hour: 48 for 30, 24 for 60.

    >>> steps_per_day(30), steps_per_day(60.0)
    (48, 24)
    """
    if step_minutes <= 0 or not float(60.0 / step_minutes).is_integer():
        raise ValueError(f"a step of {step_minutes} minutes does not divide an hour; resample to 30 or 60 minutes first")
    return 24 * round(60.0 / step_minutes)
