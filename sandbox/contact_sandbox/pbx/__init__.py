"""The PrimeVOX PBX imitated: call history, events, recordings, notes, text messages."""
