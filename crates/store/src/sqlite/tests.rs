//! What only this engine does: its settings and its faults.
