"""Stand-ins for names that woven modules define, so that the files which they copy can be checked and read like any other.

FINE_ names are rows of the forcing of a step, COARSE_ names rows of the forcing that is given, HELD_PLACE the first row
behind it.
"""

LANES = N_FORCING = N_COARSE = 1
HELD_PLACE = 1
FINE_SHORTWAVE_DOWN = FINE_LONGWAVE_DOWN = FINE_AIR_TEMPERATURE = FINE_VAPOUR_PRESSURE = FINE_PRECIPITATION = 0
FINE_COSINE_ZENITH = FINE_DIFFUSE_FRACTION = FINE_PHOTOPERIOD = 0
COARSE_SHORTWAVE_DOWN = COARSE_LONGWAVE_DOWN = COARSE_AIR_TEMPERATURE = COARSE_AIR_TEMPERATURE_RANGE = 0
COARSE_VAPOUR_PRESSURE = COARSE_PRECIPITATION = 0
CARRIED_COARSE = CARRIED_FINE = (0,)  # rows that stay as they are given
CLEAREST = 0.85  # of sunlight above the atmosphere, the most that reaches the ground
DARKEST = 10.0  # W m-2 above the atmosphere, below it light is diffuse
