// Says below each JSON text area whether its text can be read, and indents it on request. Nothing leaves the page.
"use strict";

(() => {
  const watch = (area) => {
    const bar = document.createElement("div");
    bar.className = "house-json-state";
    const state = document.createElement("span");
    state.setAttribute("role", "status");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "house-link";
    button.textContent = "Indent";
    button.addEventListener("click", () => {
      try {
        area.value = JSON.stringify(JSON.parse(area.value || "{}"), null, 2);
        check();
      } catch {
        area.focus();
      }
    });
    bar.append(state, " · ", button);
    area.after(bar);

    const check = () => {
      try {
        const value = JSON.parse(area.value || "{}");
        const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
        state.textContent = isObject ? "Readable JSON" : "A JSON object {…} is needed";
        state.className = isObject ? "house-good" : "house-bad";
      } catch (error) {
        state.textContent = `Not JSON yet: ${error.message}`;
        state.className = "house-bad";
      }
    };
    area.addEventListener("input", check);
    check();
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("textarea.house-json-editor").forEach(watch);
  });
})();
