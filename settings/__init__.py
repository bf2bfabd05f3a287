"""The settings of a stack: their models, their rules, their problems. Only `settings.load` reads them."""

from settings.clusters import ClusterPlan, clusters_of
from settings.companies import Company
from settings.load import from_config, parse
from settings.models import Settings
from settings.problems import SettingsError
from settings.regions import Region

__all__ = [
    "ClusterPlan",
    "Company",
    "Region",
    "Settings",
    "SettingsError",
    "clusters_of",
    "from_config",
    "parse",
]
