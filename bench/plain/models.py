"""The tables of PLAIN."""

import uuid

from django.db import models


class Doctor(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    specialization = models.CharField(max_length=100)

    def __str__(self):
        return self.name


class Patient(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    phone = models.CharField(max_length=32, db_index=True)

    def __str__(self):
        return self.name


class Slot(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    doctor = models.ForeignKey(Doctor, on_delete=models.PROTECT, related_name="slots")
    start_time = models.DateTimeField(db_index=True)
    end_time = models.DateTimeField()
    max_capacity = models.PositiveIntegerField()
    current_capacity = models.PositiveIntegerField(default=0)
    delay_minutes = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=10, default="ACTIVE")

    def __str__(self):
        return str(self.id)


class Token(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="tokens")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="tokens")
    token_number = models.PositiveIntegerField()
    priority = models.DecimalField(max_digits=4, decimal_places=2)
    category = models.CharField(max_length=16)
    status = models.CharField(max_length=16, default="CONFIRMED")
    estimated_time = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["slot", "status", "token_number"])]

    def __str__(self):
        return str(self.id)


class WaitlistEntry(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="waitlist")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT)
    category = models.CharField(max_length=16)
    priority = models.DecimalField(max_digits=4, decimal_places=2)
    status = models.CharField(max_length=10, default="WAITING")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["slot", "status", "priority", "created_at"])]

    def __str__(self):
        return str(self.id)
