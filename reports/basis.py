"""From which slots a day's report was made.

Whatever is done to a slot, its tokens or its waiting list raises the version of the slot. A digest of the ids and
versions of a day's slots therefore tells whether a stored report still says what happened, without a note by whoever
changed something.
"""

from datetime import date

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import TextField, Value
from django.db.models.functions import MD5, Cast, Concat

from clinics.models import Facility, Slot

NO_SLOTS = ""


def bases(*, facility: Facility, first: date, last: date) -> dict[date, str]:
    """The digest of each local day's slots, in one query; days without slots are left out."""
    version = Concat(Cast("id", TextField()), Value(":"), Cast("version", TextField()), output_field=TextField())
    slots = Slot.objects.filter(facility=facility, local_date__range=(first, last)).order_by()
    digest = MD5(StringAgg(version, delimiter=",", order_by="id"))
    return dict(slots.values("local_date").annotate(basis=digest).values_list("local_date", "basis"))


def basis_of(*, facility: Facility, day: date) -> str:
    """The digest of one local day's slots."""
    return bases(facility=facility, first=day, last=day).get(day, NO_SLOTS)
