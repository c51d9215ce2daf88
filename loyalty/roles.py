"""Who may do what: every role's permissions in one table, obeyed by the admin and the API alike.

A permission is Django's `app.action_model`. Nobody may add, change or delete ledger rows, decisions, histories or runs
by hand; `add` on such a model allows the service that writes it: `wallet.add_operation` the manual credits of the API,
`wallet.add_bet` placing, settling and voiding bets, `players.add_activity` events of the feed and actions,
`players.add_sourcechange` switching where a player's totals come from, `core.add_run` a batch run,
`players.add_importjob` an import, `players.add_activityfile` a file of events, `safety.add_abusesignal` to look for
abuse at once, `rewards.add_redemptionorder` an order of the catalogue; `rewards.change_redemptionorder` allows to
fulfil and to cancel it. Who grants rewards corrects none: reversals and adjustments are Finance's.

`players.lift_playerrestriction` lifts a restriction or asks for it; where that takes two people,
`players.change_liftrequest` lets the second one decide. `players.change_playerrestriction` moves ends and unblocks.
`safety.add_jurisdictionprofile` proposes a version of a jurisdiction's profile and `safety.change_jurisdictionprofile`
accepts or refuses one; so `safety.add_vipapproval` begins and records the checks of a VIP, `safety.change_vipapproval`
decides. Each time the two are different people. `players.add_playerjurisdictionchange` puts a player under one.

`rewards.approve_rewardrule` lets rules run that others wrote, `rewards.pause_rewardrule` stops and resumes them,
`rewards.revoke_rewardrule` takes back what is unspent of what they gave.

`safety.add_reviewcase` has a player reviewed, `safety.change_reviewcase` claims, notes on and decides review cases,
`safety.assign_reviewcase` hands them to others, `safety.appeal_reviewcase` files an appeal.

`reporting.export_ledger` lets statements and the liability leave the house, as a file or on paper; to look at them,
viewing the ledger or the liability is enough.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction

from core.environment import PROJECT_FOLDER

_DEMO_MAIL = "@demo.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A group of users; `is_staff` lets them into the admin."""

    name: str
    user_name: str
    permissions: tuple[str, ...]
    is_staff: bool = True


def _view(*apps_or_models: str) -> tuple[str, ...]:
    """Stand for the right to look at all models of an app (`wallet`) or at one (`players.tier`)."""
    return tuple(name.replace(".", ".view_") if "." in name else f"{name}.view_*" for name in apps_or_models)


_READS_EVERYTHING = _view("players", "wallet", "safety", "rewards", "reporting", "core")

ROLES: tuple[Role, ...] = (
    Role(
        name="Loyalty staff",
        user_name="staff",
        permissions=(
            *_READS_EVERYTHING,
            "players.change_player",
            "players.delete_player",
            "players.add_tier",
            "players.change_tier",
            "players.add_gamecategory",
            "players.change_gamecategory",
            "players.add_importjob",
            "players.add_activityfile",
            "players.add_sourcechange",
            "players.resolve_activityexception",
            "rewards.add_rewardrule",
            "rewards.change_rewardrule",
            "rewards.delete_rewardrule",
            "rewards.approve_rewardrule",
            "rewards.pause_rewardrule",
            "rewards.add_redemptionoption",
            "rewards.change_redemptionoption",
            "rewards.add_redemptionorder",
            "rewards.change_redemptionorder",
            "rewards.change_perktask",
            "reporting.add_controlgroupresult",
            "safety.add_retentionmultiplier",
            "safety.change_retentionmultiplier",
            "safety.add_earnrateacceptance",
            "safety.change_earnrateacceptance",
            "safety.add_reviewcase",
            "safety.appeal_reviewcase",
            "wallet.add_operation",
            "wallet.cancel_bonus",
            "core.change_policyvalue",
        ),
    ),
    Role(
        name="Analyst",
        user_name="analyst",
        permissions=(
            *_READS_EVERYTHING,
            "players.add_importjob",
            "players.add_activityfile",
            "reporting.export_ledger",
            "reporting.add_controlgroupresult",
        ),
    ),
    Role(
        name="Risk",
        user_name="risk",
        permissions=(
            *_READS_EVERYTHING,
            "players.add_playerrestriction",
            "players.change_playerrestriction",
            "players.lift_playerrestriction",
            "players.change_liftrequest",
            "players.change_creditrequirement",
            "players.add_playerjurisdictionchange",
            "rewards.approve_rewardrule",
            "rewards.pause_rewardrule",
            "rewards.revoke_rewardrule",
            "safety.change_abusesignal",
            "safety.add_reviewcase",
            "safety.change_reviewcase",
            "safety.assign_reviewcase",
            "safety.appeal_reviewcase",
            "safety.add_jurisdictionprofile",
            "safety.change_jurisdictionprofile",
            "safety.add_vipapproval",
            "safety.change_vipapproval",
            "safety.add_assumptionversion",
            "safety.add_rewardcap",
            "safety.change_rewardcap",
            "safety.add_abusesignal",
            "safety.change_detector",
            "safety.add_retentionmultiplier",
            "safety.change_retentionmultiplier",
            "safety.change_earnrateacceptance",
            "wallet.cancel_bonus",
            "core.change_policyvalue",
        ),
    ),
    Role(
        name="Finance",
        user_name="finance",
        permissions=(
            *_READS_EVERYTHING,
            "reporting.export_ledger",
            "rewards.revoke_rewardrule",
            "safety.add_assumptionversion",
            "safety.add_unitvalue",
            "safety.change_unitvalue",
            "safety.change_earnrateacceptance",
            "wallet.reverse_operation",
            "wallet.adjust_balance",
        ),
    ),
    Role(
        name="Integrator",
        user_name="integrator",
        is_staff=False,
        permissions=(
            *_view("players.player", "players.playermetrics", "players.tier", "players.importjob"),
            *_view("players.activity", "players.jurisdiction", "safety.safetyviolation"),
            *_view("wallet.loyaltybalance", "wallet.bet", "rewards.rewardrule"),
            *_view("rewards.redemptionoption", "rewards.redemptionorder"),
            "rewards.add_redemptionorder",
            "rewards.change_redemptionorder",
            "players.add_activity",
            "players.add_importjob",
            "players.view_playerrestriction",
            "players.add_playerrestriction",
            "players.lift_playerrestriction",
            "players.add_sourcechange",
            "wallet.add_operation",
            "wallet.add_bet",
            "wallet.act_for_player",
            "wallet.cancel_bonus",
            "safety.add_reviewcase",
            "safety.appeal_reviewcase",
        ),
    ),
    Role(
        name="Operator",
        user_name="operator",
        permissions=(
            *_view("core", "reporting", "wallet.ledgerdigest", "django_celery_beat"),
            *_view("players.importjob", "players.activityfile"),
            "core.add_run",
            "django_celery_beat.add_*",
            "django_celery_beat.change_*",
            "django_celery_beat.delete_*",
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUsers:
    """The log-ins for trying things out: one password for all of them."""

    password: str
    user_names: tuple[str, ...]


@transaction.atomic
def install_roles() -> None:
    """Make the groups and give each exactly the permissions of the table; groups that staff made are left alone."""
    Group.objects.bulk_create([Group(name=role.name) for role in ROLES], ignore_conflicts=True)
    groups = dict(Group.objects.filter(name__in=[role.name for role in ROLES]).values_list("name", "pk"))
    known = known_permissions()
    wanted = {(groups[role.name], permission) for role in ROLES for permission in permissions_of(role, known)}
    given = Group.permissions.through.objects
    held = {
        (group, permission): pk
        for group, permission, pk in given.filter(group__in=groups.values()).values_list("group", "permission", "pk")
    }
    given.filter(pk__in=[pk for right, pk in held.items() if right not in wanted]).delete()
    given.bulk_create(
        given.model(group_id=group, permission_id=permission) for group, permission in sorted(wanted - held.keys())
    )


def known_permissions() -> dict[str, int]:
    """Return the keys of all permissions by their names, `app.action_model`."""
    named = Permission.objects.values_list("content_type__app_label", "codename", "pk")
    return {f"{app}.{codename}": pk for app, codename, pk in named}


def permissions_of(role: Role, known: Mapping[str, int]) -> set[int]:
    """Return the keys of the role's permissions. Raises LookupError for one that does not exist."""
    found: set[int] = set()
    for wanted in role.permissions:
        matching = _matching(wanted, known)
        if not matching:
            raise LookupError(f"the role {role.name!r} names the permission {wanted!r}, which does not exist")
        found.update(matching)
    return found


def _matching(wanted: str, known: Mapping[str, int]) -> list[int]:
    if "*" in wanted:
        return [pk for name, pk in known.items() if fnmatchcase(name, wanted)]
    return [known[wanted]] if wanted in known else []


@transaction.atomic
def install_demo_users() -> DemoUsers | None:
    """Make one user per role and the superuser `admin`, and return their log-ins; outside development make none.

    The password is drawn once per clone and kept in the git-ignored `var/demo-password`, so that no copy of this house
    has a password that others know. A user of that name whom somebody else made is left alone and not listed.
    """
    if not settings.DEBUG:
        return None
    password, is_new = _demo_password(PROJECT_FOLDER / "var" / "demo-password")
    users = [_demo_user("admin", is_staff=True, is_superuser=True)]
    for role in ROLES:
        user = _demo_user(role.user_name, is_staff=role.is_staff, is_superuser=False)
        users.append(user)
        if _is_ours(user):
            user.groups.set([Group.objects.get(name=role.name)])
    ours = [user for user in users if _is_ours(user)]
    for user in ours:
        if is_new or not user.password:
            user.set_password(password)
            user.save(update_fields=["password"])
    return DemoUsers(password=password, user_names=tuple(user.username for user in ours))


def _demo_user(user_name: str, *, is_staff: bool, is_superuser: bool) -> User:
    rights = {"is_staff": is_staff, "is_superuser": is_superuser, "email": user_name + _DEMO_MAIL}
    return User.objects.get_or_create(username=user_name, defaults=rights)[0]


def _is_ours(user: User) -> bool:
    return user.email.endswith(_DEMO_MAIL)


def _demo_password(file: Path) -> tuple[str, bool]:
    """Return the clone's password and whether it is new."""
    if file.exists():
        return file.read_text().strip(), False
    password = "-".join(secrets.token_hex(2) for _ in range(3))
    file.parent.mkdir(exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(password + "\n")
    return password, True
