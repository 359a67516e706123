"""A matrix of who can talk to whom as a document for programs."""

from typing import Any

from anp.analysis.reach import Cell, Matrix
from anp.analysis.wording import packets_list
from compiler.packets import EVERY_PACKET, PacketSet


def as_json(matrix: Matrix, asked: PacketSet = EVERY_PACKET) -> dict[str, Any]:
    """Return the matrix as a JSON document of kind ``Reach``, version 1; as if there was only what is `asked` about."""
    return {
        "kind": "Reach",
        "version": 1,
        "by": matrix.by.value,
        "asked": packets_list(asked),
        "sources": [{"name": group.name, "pods": list(group.pods)} for group in matrix.sources],
        "destinations": [{"name": group.name, "pods": list(group.pods)} for group in matrix.destinations],
        "cells": [
            {"from": source, "to": destination, **cell_json(cell.within(asked), asked)}
            for (source, destination), cell in matrix.cells.items()
        ],
    }


def cell_json(cell: Cell, asked: PacketSet = EVERY_PACKET) -> dict[str, Any]:
    """Return a cell as part of a document."""
    return {
        "reach": cell.reach.value,
        "traffic": packets_list(cell.any_pair & asked),
        "always": packets_list(cell.every_pair & asked),
    }
