"""How seldom Python looks for garbage.

Modules stay, and rows are many and make no cycles: looking for some in either costs a tenth of the
time. A tap's package imports this before anything else, as most modules are the SDK's.
"""

from __future__ import annotations

import gc

gc.set_threshold(100_000, 20, 20)
