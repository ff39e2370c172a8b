"""The metrics of the event log."""

from collections.abc import Iterator

from django.db import Error
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from events.subscriptions import lags


class SubscriptionLag(Collector):
    """The number of events that each consumer has not handled yet; left out while the database does not answer."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily("opd_subscription_lag_events", "Events not handled yet", labels=["consumer"])
        try:
            for lag in lags():
                gauge.add_metric([lag.consumer], lag.events)
        except Error:
            return
        yield gauge
