"""The imitation of Dixa: analytics, reference lists and exports, served from one address."""
