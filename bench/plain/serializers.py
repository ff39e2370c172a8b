"""The serializers of PLAIN."""

from rest_framework import serializers

from bench.plain.models import Patient, Slot, Token, WaitlistEntry


class SlotSerializer(serializers.ModelSerializer):
    doctor_name = serializers.CharField(source="doctor.name", read_only=True)
    available_capacity = serializers.SerializerMethodField()

    class Meta:
        model = Slot
        fields = "__all__"

    def get_available_capacity(self, slot):
        return max(0, slot.max_capacity - slot.current_capacity)


class SlotInfoSerializer(serializers.ModelSerializer):
    doctor = serializers.CharField(source="doctor.name")

    class Meta:
        model = Slot
        fields = ["doctor", "start_time", "end_time"]


class TokenSerializer(serializers.ModelSerializer):
    slot_info = SlotInfoSerializer(source="slot", read_only=True)
    patient_name = serializers.CharField(source="patient.name", read_only=True)

    class Meta:
        model = Token
        fields = "__all__"


class BookingSerializer(serializers.Serializer):
    slot_id = serializers.PrimaryKeyRelatedField(queryset=Slot.objects.all())
    patient_id = serializers.PrimaryKeyRelatedField(queryset=Patient.objects.all())
    category = serializers.ChoiceField(choices=["EMERGENCY", "PRIORITY_PAID", "FOLLOWUP", "ONLINE", "WALKIN"])


class EmergencySerializer(serializers.Serializer):
    slot_id = serializers.PrimaryKeyRelatedField(queryset=Slot.objects.all())
    patient_id = serializers.PrimaryKeyRelatedField(queryset=Patient.objects.all())


class WaitlistSerializer(serializers.ModelSerializer):
    patient_name = serializers.CharField(source="patient.name", read_only=True)

    class Meta:
        model = WaitlistEntry
        fields = "__all__"
