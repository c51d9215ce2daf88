"""The form for a spreadsheet and what a person may settle about it."""

from __future__ import annotations

from django import forms
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from players.importing.dates import DateOrder
from players.importing.numbers import DecimalSign
from players.importing.options import ImportOptions

_ENDINGS = ".xlsx,.xls,.ods,.csv,.tsv,.txt"


class UploadForm(forms.Form):
    """Everything but the file may stay as it is: then the file itself decides, and doubt is refused."""

    file = forms.FileField(
        label="Spreadsheet",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": _ENDINGS}),
        help_text="Excel (.xlsx, .xls), OpenDocument (.ods), .csv or .tsv with at least the columns player_id, "
        "total_deposited, total_wagered and total_won.",
    )
    as_of = forms.DateField(
        label="Business date of the totals",
        required=False,
        widget=UnfoldAdminSingleDateWidget(),
        help_text="Empty: today.",
    )
    skip_bad_rows = forms.BooleanField(
        label="Import the good rows and return the bad ones as a file",
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="Off: a file with errors changes nothing.",
    )
    allow_decrease = forms.BooleanField(
        label="Totals may be smaller than known ones",
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="Only for corrections: the difference is booked as negative play.",
    )
    force = forms.BooleanField(
        label="Import again although the same file was imported before", required=False, widget=UnfoldBooleanWidget()
    )
    sheet = forms.CharField(
        label="Sheet",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Empty: the only visible sheet that has the columns.",
    )
    decimal_sign = forms.ChoiceField(
        label="Decimal sign",
        required=False,
        widget=UnfoldAdminSelectWidget(),
        choices=[
            ("", "As the file shows"),
            (DecimalSign.POINT, "Point: 1234.56"),
            (DecimalSign.COMMA, "Comma: 1234,56"),
        ],
    )
    date_order = forms.ChoiceField(
        label="Dates such as 03/04/2025",
        required=False,
        widget=UnfoldAdminSelectWidget(),
        choices=[
            ("", "As the file shows"),
            (DateOrder.DAY_FIRST, "Day first: 3 April"),
            (DateOrder.MONTH_FIRST, "Month first: March 4"),
        ],
    )
    delimiter = forms.ChoiceField(
        label="Separator of .csv columns",
        required=False,
        widget=UnfoldAdminSelectWidget(),
        choices=[("", "As the file shows"), (",", "Comma"), (";", "Semicolon"), ("\t", "Tab"), ("|", "Bar")],
    )
    encoding = forms.CharField(
        label="Encoding of a .csv",
        required=False,
        max_length=40,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Empty: found out. For example utf-8 or windows-1252.",
    )

    MAIN = ("file", "as_of", "skip_bad_rows")
    FURTHER = ("allow_decrease", "force", "sheet", "decimal_sign", "date_order", "delimiter", "encoding")

    def main_fields(self) -> list[forms.BoundField]:
        """Return what everybody fills in."""
        return [self[name] for name in self.MAIN]

    def further_fields(self) -> list[forms.BoundField]:
        """Return what is needed once in a while."""
        return [self[name] for name in self.FURTHER]

    def has_further_errors(self) -> bool:
        """Tell whether the rarely needed part must be open to show an error."""
        return any(name in self.errors for name in self.FURTHER)

    def options(self) -> ImportOptions:
        """Return what was chosen."""
        chosen = {name: value for name, value in self.cleaned_data.items() if name != "file"}
        return ImportOptions(
            **{
                **chosen,
                "decimal_sign": DecimalSign(chosen["decimal_sign"]),
                "date_order": DateOrder(chosen["date_order"]),
            }
        )
