"""Tracking links: patients who call the API without a user account."""

from django.db import models
from django.db.models import Q

from core.ids import new_id


class Link(models.Model):
    """A tracking link: whoever has its code follows one token without signing in.

    The ids are not foreign keys, so that the tables of tokens can be partitioned.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    facility_id = models.UUIDField()
    token_id = models.UUIDField()
    code_sha256 = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # A token has one link that is not revoked.
            models.UniqueConstraint(
                fields=["facility_id", "token_id"], condition=Q(revoked_at=None), name="link_one_per_token"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
