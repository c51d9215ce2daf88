"""The life of a rule: DRAFT → PENDING_APPROVAL → ACTIVE ⇄ PAUSED → ARCHIVED.

People change rules here (`editing`), let each other's changes run (`approval`), stop and resume them (`stopping`) and
take back what they gave (`revoking`). Each step is a claim under the rule's lock and leaves an event.
"""
