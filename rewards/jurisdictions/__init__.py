"""Rules and jurisdictions: where a rule may run, what profiles say when one is saved, what they limit when it runs."""
