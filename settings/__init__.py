"""The settings of a stack: their models, their rules, their errors. Read in one place: `settings.load`."""

from settings.clusters import ClusterPlan, clusters_of
from settings.faults import Fault, SettingsError
from settings.load import PROJECT, from_config, parse
from settings.models import Company, Region, Settings

__all__ = [
    "PROJECT",
    "ClusterPlan",
    "Company",
    "Fault",
    "Region",
    "Settings",
    "SettingsError",
    "clusters_of",
    "from_config",
    "parse",
]
