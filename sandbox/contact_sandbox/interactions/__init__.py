"""Imitation of the MotionCX Reporting API with its IRM and CRM neighbours."""
