"""What the person sees and does: one small class per section of the panel, and the job that runs behind it."""
