"""PLAIN: the same hospital the way most would write it, to measure against.

ModelSerializer and ModelViewSet, the ORM with select_for_update, redis-py's lock with its defaults, simplejwt, stored
positions that are shifted. Honest work, no tuning, and none of the engine's further promises: no events, no retry
safety, no sweeps.
"""
