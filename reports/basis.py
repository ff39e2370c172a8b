"""The basis of a day's report: a digest of the ids and versions of the slots that it was computed from.

Every change of a slot, its tokens or its waiting list raises the version of the slot. Comparing the digests therefore
shows whether a stored report is up to date, without any work at the time of the change.
"""

from datetime import date

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import TextField, Value
from django.db.models.functions import MD5, Cast, Concat

from clinics.models import Facility, Slot

NO_SLOTS = ""


def bases(*, facility: Facility, first: date, last: date) -> dict[date, str]:
    """Return the digest of the slots of each local day, in one query; days without slots are left out."""
    version = Concat(Cast("id", TextField()), Value(":"), Cast("version", TextField()), output_field=TextField())
    slots = Slot.objects.filter(facility=facility, local_date__range=(first, last)).order_by()
    digest = MD5(StringAgg(version, delimiter=",", order_by="id"))
    return dict(slots.values("local_date").annotate(basis=digest).values_list("local_date", "basis"))


def basis_of(*, facility: Facility, day: date) -> str:
    """Return the digest of the slots of one local day."""
    return bases(facility=facility, first=day, last=day).get(day, NO_SLOTS)
