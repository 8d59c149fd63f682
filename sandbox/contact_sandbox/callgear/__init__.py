"""Imitation of the CallGear Data API v2.0 (JSON-RPC), the engine also sold as UIS and CoMagic."""

from __future__ import annotations
