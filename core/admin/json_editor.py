"""A form field for JSON that people edit: indented, in a fixed-width face, read as strictly as the API reads it."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from core.strict_json import JSONRefusedError, as_stored, read_json


class JSONEditor(UnfoldAdminTextareaWidget):
    """A text area that shows whether its text is JSON while one types."""

    class Media:
        js = ("core/json-editor.js",)

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.attrs["class"] = f"{self.attrs.get('class', '')} house-json-editor"
        self.attrs |= {"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "rows": 8}


class JSONTextField(forms.JSONField):
    """An object in JSON. What cannot be read is shown again as typed, with the place where reading stopped."""

    widget = JSONEditor

    def to_python(self, value: Any) -> Any:
        """Return the object with numbers as a JSON column gives them back."""
        if self.disabled or not isinstance(value, str):
            return value
        if not value.strip():
            return {}
        try:
            document = as_stored(read_json(value), path=str(self.label or "value"))
        except JSONRefusedError as error:
            raise forms.ValidationError(f"{error}.", code="invalid") from None
        if not isinstance(document, dict):
            raise forms.ValidationError("A JSON object {…} is needed.", code="invalid")
        return document

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Keep the text as typed: formatting is the browser's business, and wrong text has no value."""
        return data

    def prepare_value(self, value: Any) -> Any:
        """Return the object as indented text."""
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare values, not spelling."""
        try:
            return bool(self.to_python(data) != initial)
        except forms.ValidationError:
            return True
