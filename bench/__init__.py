"""How fast and how large: every promised figure measured in one run, each beside a yardstick of the same minute."""
