"""A form field for JSON that people edit: indented, in a fixed-width face, read as strictly as the API reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from core.strict_json import JSONRefusedError, as_stored, read_json


class JSONEditor(UnfoldAdminTextareaWidget):
    """A text area that shows while one types whether its text is JSON, and what is wrong with it.

    `schema` is the address of a JSON Schema that defines `root` and offers names and values; `check` takes a document
    with the text under the key `root`, and the fields of the form named in `beside`, and answers with problems by their
    JSON path. Without them only the JSON itself is looked at.
    """

    class Media:
        js = ("core/json-places.js", "core/json-completion.js", "core/json-editor.js")

    def __init__(
        self,
        attrs: dict[str, Any] | None = None,
        *,
        schema: Any = None,
        check: Any = None,
        root: str | None = None,
        beside: Sequence[str] = (),
    ) -> None:
        super().__init__(attrs)
        told = {"data-schema": schema, "data-check": check, "data-root": root, "data-beside": " ".join(beside) or None}
        # Compared with None only: an address that is found later must not be looked for while forms are declared.
        self.attrs |= {name: value for name, value in told.items() if value is not None}
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
