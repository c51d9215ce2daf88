"""What the figures are compared with: the tools and loops people would otherwise use, given every fair advantage."""
