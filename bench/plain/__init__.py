"""PLAIN: the same hospital as a usual Django project, for comparison.

It uses ModelSerializer and ModelViewSet, the ORM with select_for_update, redis-py's lock with its defaults, simplejwt,
and stored positions that are shifted. It is not tuned, and has no events, no idempotency and no sweeps.
"""
