"""What the five contact-centre taps share: plan, fetch, shape, emit, checkpoint."""
