"""Users, roles and what was changed in the admin by whom."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import admin as library
from django.contrib.auth.models import Group, User
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from core.admin.base import HouseAdmin, HugeReadOnlyAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(library.UserAdmin[User], HouseAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username",
        "first_name",
        "last_name",
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
    )
    list_filter = (("groups", RelatedDropdownFilter), "is_active", "is_staff", "is_superuser")
    filter_horizontal = ("user_permissions",)
    autocomplete_fields = ("groups",)


@admin.register(Group)
class GroupAdmin(library.GroupAdmin, HouseAdmin):
    list_display = ("name",)


@admin.register(LogEntry)
class LogEntryAdmin(HugeReadOnlyAdmin):
    list_display = ("action_time", "user", "action_flag", "content_type", "object_repr", "get_change_message")
    list_select_related = ("user", "content_type")
    list_filter = (("action_flag", ChoicesDropdownFilter), ("action_time", RangeDateTimeFilter))
    search_fields = ("object_id__exact", "user__username__exact")
    search_help_text = "Key of the changed row, or name of the user, in full"
    fields = (
        ("action_time", "user"),
        ("action_flag", "content_type"),
        ("object_id", "object_repr"),
        "get_change_message",
    )
    readonly_fields = ("get_change_message",)
