"""The editable assumptions of profit safety with all their versions, and the baselines the night measures."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget

from core.admin.base import HouseAdmin, ReadOnlyAdmin
from core.admin.columns import number
from core.errors import InvalidInputError, LoyaltyError, RefusedError
from safety.assumption_files import export_assumptions, import_assumptions
from safety.assumption_versions import Assumption
from safety.assumptions import REASON_LENGTH_MAX, change_assumption
from safety.earn_rates import change_unit_value, check_unit_value
from safety.models import AssumptionKind, AssumptionVersion, RetentionMultiplier, SegmentBaseline, UnitValue

_BYTES_MAX = 1_000_000
_ADD = ["safety.add_assumptionversion"]


class AssumptionForm(forms.ModelForm[AssumptionVersion]):
    class Meta:
        model = AssumptionVersion
        fields = ("kind", "name", "reward_family", "value", "valid_from", "reason")
        help_texts = {"reward_family": "Of a retention multiplier alone: BONUS, CASHBACK, LP or OTHER."}


class AssumptionFileForm(forms.Form):
    """A file of figures, from when they hold, and why."""

    file = forms.FileField(label="File (.csv)", widget=UnfoldAdminFileFieldWidget())
    valid_from = forms.DateField(label="Valid from", widget=UnfoldAdminSingleDateWidget())
    reason = forms.CharField(max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextInputWidget())

    def text(self) -> str:
        """Return what the file says. Raises InvalidInputError."""
        file = self.cleaned_data["file"]
        if file.size > _BYTES_MAX:
            raise InvalidInputError(f"the file has {file.size} bytes: at most {_BYTES_MAX} are read")
        try:
            return str(file.read().decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InvalidInputError(f"byte {error.start + 1} is no UTF-8: save the file as CSV in UTF-8") from None


@admin.register(AssumptionVersion)
class AssumptionVersionAdmin(HouseAdmin):
    """Every figure there ever was; a change is a new row."""

    form = AssumptionForm
    list_display = ("id", "kind", "name", "reward_family", "figure", "valid_from", "made_by", "reason")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("valid_from", RangeDateFilter),
    )
    search_fields = ("name", "reason", "made_by")
    actions = None
    actions_list = ("export_file", "import_file")
    fields = (("kind", "value"), ("name", "reward_family"), "valid_from", "reason")

    def get_fields(self, request: HttpRequest, obj: AssumptionVersion | None = None) -> Any:
        """Say of a version that stands who made it and when."""
        return (*self.fields, ("made_by", "made_at")) if obj else self.fields

    @display(description="figure", ordering="value")
    def figure(self, version: AssumptionVersion) -> SafeString:
        return format_html('<span class="house-number">{}</span>', f"{version.value.normalize():f}")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with today, and with what a link names."""
        return {"valid_from": timezone.localdate(), **super().get_changeform_initial_data(request)}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was assumed stays; a change is a new version."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A decision names it."""
        return False

    def save_model(self, request: HttpRequest, obj: AssumptionVersion, form: Any, change: bool) -> None:
        """Write through the service."""
        saved = change_assumption(
            Assumption(kind=AssumptionKind(obj.kind), name=obj.name, reward_family=obj.reward_family),
            value=obj.value,
            reason=obj.reason,
            made_by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
            valid_from=obj.valid_from,
        )
        obj.pk = saved.pk
        obj.refresh_from_db()

    @action(
        description="Download what is in force",
        url_path="export",
        icon="download",
        permissions=["safety.view_assumptionversion"],
    )
    def export_file(self, request: HttpRequest) -> HttpResponse:
        """Send every figure in force as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        name = f"assumptions-{timezone.localdate()}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(export_assumptions(), content_type="text/csv; charset=utf-8", headers=headers)

    @action(description="Upload changed figures", url_path="import", icon="upload", permissions=_ADD)
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file, and make a version of every figure that differs."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AssumptionFileForm(
            data=request.POST if request.method == "POST" else None,
            files=request.FILES if request.method == "POST" else None,
            initial={"valid_from": timezone.localdate()},
        )
        back = reverse("admin:safety_assumptionversion_changelist")
        if form.is_valid() and self._is_imported(request, form):
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": "Upload changed figures",
            "opts": self.opts,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "admin/safety/assumptionversion/upload.html", context)

    def _is_imported(self, request: HttpRequest, form: AssumptionFileForm) -> bool:
        asked = form.cleaned_data
        try:
            changed = import_assumptions(
                form.text(),
                reason=asked["reason"],
                made_by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
                valid_from=asked["valid_from"],
            )
        except LoyaltyError as error:
            form.add_error(None, error.message)
            return False
        messages.success(request, f"{changed} figure(s) changed; what was the same was left alone.")
        return True


class RetentionMultiplierForm(forms.ModelForm[RetentionMultiplier]):
    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Why; kept with the version. To begin on a later day, add a version under Assumptions: history.",
    )

    class Meta:
        model = RetentionMultiplier
        fields = ("segment", "reward_family", "multiplier")


@admin.register(RetentionMultiplier)
class RetentionMultiplierAdmin(HouseAdmin):
    form = RetentionMultiplierForm
    list_display = ("segment", "reward_family", "multiplier")
    list_display_links = ("segment", "reward_family")
    list_filter = (("segment", ChoicesDropdownFilter), ("reward_family", ChoicesDropdownFilter))
    fields = (("segment", "reward_family", "multiplier"), "reason")
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: RetentionMultiplier | None = None) -> tuple[str, ...]:
        """Keep whose figure it is: another one would be another row."""
        return ("segment", "reward_family") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Without a figure nothing of its family is given to the segment, which no one means who deletes a row."""
        return False

    def save_model(self, request: HttpRequest, obj: RetentionMultiplier, form: Any, change: bool) -> None:
        """Write through the service, as a new version."""
        change_assumption(
            Assumption(kind=AssumptionKind.RETENTION, name=obj.segment, reward_family=obj.reward_family),
            value=obj.multiplier,
            reason=form.cleaned_data["reason"],
            made_by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
        )
        saved = RetentionMultiplier.objects.get(segment=obj.segment, reward_family=obj.reward_family)
        obj.pk = saved.pk


class UnitValueForm(forms.ModelForm[UnitValue]):
    reason = forms.CharField(
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Why; kept with the version. To begin on a later day, add a version under Assumptions: history.",
    )

    class Meta:
        model = UnitValue
        fields = ("currency_type", "money_value")

    def clean(self) -> dict[str, Any]:
        """Refuse a point that would be worth more than the play that earns it."""
        values = super().clean() or {}
        if "money_value" in values:
            currency = values.get("currency_type", self.instance.currency_type)
            try:
                check_unit_value(currency=currency, money_value=values["money_value"])
            except (InvalidInputError, RefusedError) as error:
                self.add_error("money_value", error.message)
        return values


@admin.register(UnitValue)
class UnitValueAdmin(HouseAdmin):
    form = UnitValueForm
    list_display = ("currency_type", "money_value")
    fields = (("currency_type", "money_value"), "reason")
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: UnitValue | None = None) -> tuple[str, ...]:
        """Keep the currency: another one would be another row."""
        return ("currency_type",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A unit without a value counts as 1, which no one means who deletes a row."""
        return False

    def save_model(self, request: HttpRequest, obj: UnitValue, form: Any, change: bool) -> None:
        """Write through the service, which looks at what play earns."""
        change_unit_value(
            currency=obj.currency_type,
            money_value=obj.money_value,
            changed_by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
            reason=form.cleaned_data["reason"],
        )


@admin.register(SegmentBaseline)
class SegmentBaselineAdmin(ReadOnlyAdmin):
    list_display = ("segment", "wager", "players", "as_of")

    wager = number("wager_per_active_day", description="wager per active day")
