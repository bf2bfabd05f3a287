"""Proposals to improve the company, one file each, for its people to decide."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from .files import RejectedError, checked, write_json

CORE = "src/"


def propose_change(
    agent_folder: Path,
    company: str,
    *,
    title: str,
    description: str,
    affectedFiles: Sequence[str] = (),
    patch: str = "",
) -> str:
    """Raises RejectedError for a change of the application's source, or an invalid company name."""
    if any(file.startswith(CORE) for file in affectedFiles):
        raise RejectedError("Error: Changes to 'src/' files must use 'propose_core_update' tool.")
    id, now = str(uuid.uuid4()), int(time.time() * 1000)
    proposal = {
        "id": id,
        "title": title,
        "description": description,
        "affectedFiles": list(affectedFiles),
        "patch": patch,
        "status": "pending",
        "createdAt": now,
        "updatedAt": now,
    }
    folder = agent_folder / "companies" / checked(company) / "hr" / "proposals"
    write_json(folder / f"{id}.json", proposal)
    return f"Proposal '{title}' created with ID: {id}"
