"""All methods as plain values, for the command line and the documentation."""

from __future__ import annotations

from typing import Any

from muybridge.methods.registry import specs
from muybridge.methods.spec import MethodSpec, Size, weight_folders


def overview() -> list[dict[str, Any]]:
    """Every method: what it is, what it takes, its sizes and their weights."""
    return [
        {
            "name": spec.name, "title": spec.title, "about": spec.about, "paper": spec.paper,
            "licence": spec.licence, "reference": list(spec.reference),
            "control": list(spec.control), "sizes": [_size(spec, size) for size in spec.sizes],
        }
        for spec in specs().values()
    ]


def _size(spec: MethodSpec, size: Size) -> dict[str, Any]:
    weights = []
    for item in size.weights:
        path = spec.find(item)
        weights.append(
            {
                "name": item.name, "licence": item.licence, "source": item.source,
                "megabytes": item.megabytes, "optional": item.optional,
                "path": str(path) if path else None,
                "put_at": str(weight_folders(spec)[0] / item.name),
            }
        )
    ready = all(item["path"] or item["optional"] for item in weights)
    return {"name": size.name, "about": size.about, "ready": ready, "weights": weights}
